const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** Text of UTF-8; undefined where the bytes are none. A byte order mark is taken off. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // Whoever sent it is told that it is not UTF-8.
  }
}

/** Whether a content type, in lower case, says JSON: `application/json`, `text/json`, `application/vnd.app+json; charset=utf-8`. */
export function isJsonType(type: string): boolean {
  const [essence = ''] = type.split(';', 1);
  return /[/+]json\s*$/.test(essence);
}
