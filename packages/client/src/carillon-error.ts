/**
 * What the SDK throws and rejects with. `code` is of docs/errors.md, or one of the SDK's own: `url_invalid`,
 * `fields_invalid`, `no_websocket`. Nothing should parse the message.
 */
export class CarillonError extends Error {
  readonly code: string;

  constructor(code: string, detail: string) {
    super(detail === '' ? code : `${code}: ${detail}`);
    this.name = 'CarillonError';
    this.code = code;
  }
}
