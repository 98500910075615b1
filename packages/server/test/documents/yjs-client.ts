import * as Y from 'yjs';

/** A message as it stands in a frame. */
export type Wire = Readonly<Record<string, unknown>>;

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** The text that the tests type in. */
export function typed(doc: Y.Doc): Y.Text {
  return doc.getText('text');
}

/** What stands in it. */
export function textOf(doc: Y.Doc): string {
  // The text of a Y.Text; the linter takes it for an object without one.
  return typed(doc).toJSON();
}

/** What a change makes of a document, as one update. */
export function updateOf(doc: Y.Doc, change: () => void): Uint8Array {
  let update: Uint8Array | undefined;
  const listen = (made: Uint8Array): void => {
    update = made;
  };
  doc.on('update', listen);
  doc.transact(change);
  doc.off('update', listen);
  if (update === undefined) throw new Error('it changed nothing');
  return update;
}

/** A document that follows a channel by its frames alone. */
export type Reader = { readonly doc: Y.Doc; read(messages: readonly Wire[]): string };

/** @param answer to the `sub` */
export function createReader(answer: Wire, doc = new Y.Doc()): Reader {
  const parts: Uint8Array[] = [];

  function apply(message: Wire): void {
    if (message['t'] === 'ds' && message['i'] === answer['ds']) {
      parts.push(bytesOf(String(message['d'])));
      if (message['n'] === message['of']) Y.applyUpdate(doc, new Uint8Array(Buffer.concat(parts)));
    } else if (message['t'] === 'p' && typeof message['d'] === 'string')
      Y.applyUpdate(doc, bytesOf(message['d']));
    else if (message['t'] === 'ps')
      for (const { d } of message['ps'] as { d: string }[]) Y.applyUpdate(doc, bytesOf(d));
  }

  return {
    doc,
    /** What the text is behind these. */
    read(messages) {
      for (const message of messages) apply(message);
      return textOf(doc);
    },
  };
}
