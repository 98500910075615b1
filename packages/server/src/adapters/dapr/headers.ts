import { TOKEN_HEADER } from './app-token.ts';

export type Headers = Readonly<Record<string, string | undefined>>;

/** What belongs to the request and not to the event, and what nobody behind may see. `content-type` stands with the content. */
const OWN_TO_REQUEST: ReadonlySet<string> = new Set([
  TOKEN_HEADER,
  ...['authorization', 'cookie', 'proxy-authorization'],
  ...[
    'accept',
    'accept-encoding',
    'connection',
    'content-encoding',
    'content-length',
    'content-type',
    'expect',
  ],
  ...['host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent'],
]);

/**
 * The headers of a request that are the event's.
 *
 * @param escaped whether the component escapes them as Go's `url.QueryEscape` does
 */
export function headersOfRequest(headers: Headers, escaped: boolean): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !OWN_TO_REQUEST.has(name))
      texts[name] = escaped ? unescaped(value) : asUtf8(value);
  return texts;
}

/** The same of one event among several, from its `metadata`: what is no text there is left out. */
export function headersOfEntry(metadata: unknown, escaped: boolean): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  if (typeof metadata !== 'object' || metadata === null) return texts;
  for (const [name, value] of Object.entries(metadata)) {
    const lower = name.toLowerCase();
    if (typeof value === 'string' && !OWN_TO_REQUEST.has(lower))
      texts[lower] = escaped ? unescaped(value) : value;
  }
  return texts;
}

/** Dapr sends texts as the bytes they are; Node.js reads header values as Latin-1. */
function asUtf8(value: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return value; // It was Latin-1.
  }
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value; // Not every header is Kafka's: a bare percent sign stands for itself.
  }
}
