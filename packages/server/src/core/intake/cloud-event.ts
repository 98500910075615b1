import { isJsonType, textOf } from './content.ts';

/** The attributes of a CloudEvent that matter here (CloudEvents 1.0.2, section 3). */
export type CloudEventAttributes = {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  /** `datacontenttype`, in lower case; null: JSON. */
  readonly dataType: string | null;
  /** `time`, ms since the epoch; null: not said. */
  readonly timeMs: number | null;
};

export type Attributes =
  | { readonly ok: true; readonly attributes: CloudEventAttributes }
  | { readonly ok: false; readonly detail: string };

export type Structured =
  | { readonly ok: true; readonly attributes: CloudEventAttributes; readonly data: unknown }
  | { readonly ok: false; readonly detail: string };

type Fields = Readonly<Record<string, unknown>>;

/**
 * The attributes of an event in binary form: in `ce-…` headers over HTTP (percent-encoded, HTTP binding, section 3.1.3.2), in `ce_…`
 * headers in Kafka. Null: it is no CloudEvent.
 */
export function readAttributes(headers: Readonly<Record<string, string>>): Attributes | null {
  if (headers['ce-specversion'] !== undefined) return attributesOf(fieldsUnder(headers, 'ce-', decoded));
  if (headers['ce_specversion'] !== undefined)
    return attributesOf(fieldsUnder(headers, 'ce_', (text) => text));
  return null;
}

/** An event in structured form: one JSON object (JSON format, section 3). */
export function readStructured(envelope: unknown): Structured {
  if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope))
    return { ok: false, detail: 'a CloudEvent in structured form is a JSON object' };
  const fields = envelope as Fields;
  const read = attributesOf(fields);
  if (!read.ok) return read;
  const { attributes } = read;
  const packed = fields['data_base64'];
  if (packed === undefined) return { ok: true, attributes, data: fields['data'] ?? null };
  if (fields['data'] !== undefined) return { ok: false, detail: 'data and data_base64: only one of them' };
  const text = typeof packed === 'string' ? unpacked(packed) : undefined;
  if (text === undefined) return { ok: false, detail: 'data_base64: expected base64 of UTF-8' };
  if (attributes.dataType !== null && !isJsonType(attributes.dataType))
    return { ok: true, attributes, data: text };
  try {
    return { ok: true, attributes, data: JSON.parse(text) as unknown };
  } catch {
    return { ok: false, detail: 'data_base64: no JSON, and datacontenttype says nothing else' };
  }
}

function attributesOf(fields: Fields): Attributes {
  if (fields['specversion'] !== '1.0')
    return { ok: false, detail: `specversion: expected 1.0, not ${JSON.stringify(fields['specversion'])}` };
  const { id, source, type, subject, time, datacontenttype } = fields;
  if (!isText(id)) return missing('id');
  if (!isText(source)) return missing('source');
  if (!isText(type)) return missing('type');
  if (subject !== undefined && subject !== null && !isText(subject)) return missing('subject');
  if (datacontenttype !== undefined && datacontenttype !== null && !isText(datacontenttype))
    return missing('datacontenttype');
  const timeMs = time === undefined || time === null ? null : timeOf(time);
  if (timeMs === undefined)
    return { ok: false, detail: 'time: expected a time as of RFC 3339, such as 2026-01-31T08:00:00Z' };
  return {
    ok: true,
    attributes: {
      ...{ id, source, type, timeMs },
      subject: isText(subject) ? subject : null,
      dataType: isText(datacontenttype) ? datacontenttype.trim().toLowerCase() : null,
    },
  };
}

function fieldsUnder(
  headers: Readonly<Record<string, string>>,
  prefix: string,
  read: (text: string) => string,
): Fields {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(prefix)) fields[name.slice(prefix.length)] = read(value);
  return fields;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // Not every sender encodes: a bare percent sign stands for itself.
  }
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Undefined where it is no time. */
function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !RFC_3339.test(value)) return undefined;
  const ms = Date.parse(value.replace(' ', 'T').toUpperCase());
  return Number.isNaN(ms) ? undefined : ms;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function unpacked(text: string): string | undefined {
  if (!BASE64.test(text)) return undefined;
  return textOf(Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0)));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function missing(name: string): Attributes {
  return { ok: false, detail: `${name}: of a CloudEvent this is a text that is not empty` };
}
