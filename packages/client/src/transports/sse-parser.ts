/** One event of a stream. */
export type SseEvent = { readonly name: string; readonly data: string };

/**
 * Reads `text/event-stream` as it comes, in pieces cut anywhere (WHATWG HTML, section 9.2.6): lines end with CR, LF or both,
 * comments and unknown fields are passed over, an event without data is none. A byte order mark is the decoder's to take away.
 *
 * @returns takes the next piece
 */
export function createSseParser(onEvent: (event: SseEvent) => void): (text: string) => void {
  let rest = '';
  let name = '';
  let data: string[] = [];
  /** The last piece ended with CR: an LF in front of the next belongs to it. */
  let cr = false;

  function takeLine(line: string): void {
    if (line === '') {
      const event = { name, data: data.join('\n') };
      const any = data.length > 0;
      name = '';
      data = [];
      if (any) onEvent(event);
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
  }

  return (piece) => {
    let text = piece;
    if (cr && text.startsWith('\n')) text = text.slice(1);
    if (piece !== '') cr = text.endsWith('\r');
    const lines = text.split(/\r\n|\r|\n/);
    const last = lines.pop() ?? '';
    for (const line of lines) {
      const whole = rest + line;
      rest = '';
      takeLine(whole);
    }
    rest += last;
  };
}
