import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

// Holds answers of a running server against docs/openapi.json: each must be one that the document describes for its
// request, and must have no field that the document does not name.

type Json = Readonly<Record<string, unknown>>;
type Response = { readonly content?: Json; readonly $ref?: string };
type Operation = { readonly operationId: string; readonly responses: Readonly<Record<string, Response>> };
type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, Response>> };
};

export const openApiFile = new URL('../../../../docs/openapi.json', import.meta.url);

const document = JSON.parse(readFileSync(openApiFile, 'utf8')) as Document;

const ajv = new Ajv2020({ strict: false, allErrors: false });
ajv.addSchema({ $id: 'openapi', ...(closed(document) as Json) });

/** Operations whose answers were held against the document, with the status of each: `publish 200`. */
const seen = new Set<string>();

export function seenAnswers(): ReadonlySet<string> {
  return seen;
}

/** What is wrong with an answer, or undefined. */
export function answerProblem(
  method: string,
  target: string,
  {
    status,
    contentType,
    body,
  }: { readonly status: number; readonly contentType: string | null; readonly body: unknown },
): string | undefined {
  const [path = ''] = target.split('?');
  const template = Object.keys(document.paths).find((each) => fits(each, path));
  const code = (body as { error?: { code?: unknown } } | null)?.error?.code;
  if (template === undefined) return code === 'not_found' ? undefined : `${path} is not described`;
  const operation = document.paths[template]![method.toLowerCase() === 'head' ? 'get' : method.toLowerCase()];
  if (operation === undefined)
    return code === 'method_not_allowed' || method === 'OPTIONS'
      ? undefined
      : `${method} ${template} is not described`;
  const { response, pointer } = responseOf(template, operation, method, status);
  const named = `${method} ${template} answered ${status} ${JSON.stringify(code) ?? ''}`;
  if (response === undefined) return `${named}, which is not described`;
  seen.add(`${operation.operationId} ${status}`);
  if (method === 'HEAD') return undefined;
  const type = contentType?.split(';')[0] ?? null;
  if (response.content === undefined)
    return type === null ? undefined : `${named}: a body that is not described`;
  if (type === null || !Object.hasOwn(response.content, type)) return `${named}: ${type} is not described`;
  if (type !== 'application/json') return undefined;
  const validate = ajv.getSchema(
    `openapi#/${[...pointer, 'content', type, 'schema'].map(escaped).join('/')}`,
  );
  if (validate === undefined) return `${named}: its schema cannot be read`;
  return validate(body) === true ? undefined : `${named}: ${ajv.errorsText(validate.errors)}`;
}

/** The response that an operation describes for a status, and where it stands in the document. */
function responseOf(
  template: string,
  operation: Operation,
  method: string,
  status: number,
): { readonly response: Response | undefined; readonly pointer: readonly string[] } {
  const response = operation.responses[String(status)];
  const shared = response?.$ref?.replace('#/components/responses/', '');
  return shared === undefined
    ? { response, pointer: ['paths', template, method.toLowerCase(), 'responses', String(status)] }
    : { response: document.components.responses[shared], pointer: ['components', 'responses', shared] };
}

function fits(template: string, path: string): boolean {
  const parts = template.split('/');
  const segments = path.split('/');
  return (
    parts.length === segments.length &&
    parts.every((part, index) => (part.startsWith('{') ? segments[index] !== '' : part === segments[index]))
  );
}

/** A part of a JSON Pointer in a URI (RFC 6901, section 6). */
function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** The same document, in which an object has no fields but those that are named; clients are told to ignore others. */
function closed(node: unknown, narrows = false): unknown {
  if (Array.isArray(node)) return node.map((each) => closed(each, narrows));
  if (typeof node !== 'object' || node === null) return node;
  const isOpen = 'properties' in node && !('additionalProperties' in node) && !narrows;
  const inner = Object.entries(node).map(([key, value]) => [key, closed(value, narrows || key === 'allOf')]);
  return { ...Object.fromEntries(inner), ...(isOpen ? { additionalProperties: false } : {}) };
}
