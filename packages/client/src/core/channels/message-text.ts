/**
 * A message as text, with a payload that is text already: what was written when the app asked is what is sent.
 *
 * @param data JSON text; null: none
 */
export function textWith(message: object, data: string | null): string {
  const head = JSON.stringify(message);
  return data === null ? head : `${head.slice(0, -1)},"d":${data}}`;
}
