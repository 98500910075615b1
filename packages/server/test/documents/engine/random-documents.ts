import fc from 'fast-check';
import * as Y from 'yjs';

/** One random step of one of the people: what, where, how much. */
export type Step = readonly [who: number, what: number, at: number, much: number];

export const steps = (maxLength: number): fc.Arbitrary<Step[]> =>
  fc.array(fc.tuple(fc.nat(2), fc.nat(21), fc.nat(1000), fc.nat(20)), { minLength: 1, maxLength });

export type Played = {
  readonly docs: readonly Y.Doc[];
  /** Every update that was made, in an order in which each can be applied. */
  readonly updates: readonly Uint8Array[];
  /** One update for all that one of the people did between two merges. */
  readonly merged: readonly Uint8Array[];
};

/** Three people who edit one document with everything that Yjs has, and exchange what they did at random moments. */
export function play(all: readonly Step[]): Played {
  const updates: Uint8Array[] = [];
  const merged: Uint8Array[] = [];
  const docs = [0, 1, 2].map((n) => {
    const doc = new Y.Doc();
    doc.clientID = 11 + n * 4_000_000_007;
    doc.on('update', (update: Uint8Array, _origin, _doc, transaction: Y.Transaction) => {
      if (transaction.local) updates.push(update);
    });
    return doc;
  });
  const undos = docs.map(
    (doc) =>
      new Y.UndoManager([doc.getText('text'), doc.getMap('map'), doc.getXmlFragment('xml')], {
        captureTimeout: 0,
      }),
  );
  for (const [who, what, at, much] of all) {
    const doc = docs[who] as Y.Doc;
    if (what > 1) doc.transact(() => doStep(doc, what, at, much));
    else if (what === 1 && at % 2 === 0) undos[who]?.undo();
    else if (what === 1) undos[who]?.redo();
    else
      for (const other of docs) {
        const lacks = Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc));
        merged.push(lacks);
        Y.applyUpdate(doc, lacks);
      }
  }
  return { docs, updates, merged };
}

function doStep(doc: Y.Doc, what: number, at: number, much: number): void {
  const text = doc.getText('text');
  const map = doc.getMap('map');
  const list = doc.getArray('list');
  const xml = doc.getXmlFragment('xml');
  const end = (length: number): number => (length === 0 ? 0 : at % (length + 1));
  const cut = (length: number): [number, number] => [at % length, Math.min(1 + much, length - (at % length))];
  switch (what) {
    case 2:
    case 3:
      text.insert(end(text.length), 'héllo 💚 wörld, 你好'.slice(0, 1 + (much % 18)));
      return;
    case 4:
      if (text.length > 0) text.delete(...cut(text.length));
      return;
    case 5:
      if (text.length > 0) text.format(...cut(text.length), { bold: at % 2 === 0 ? true : null });
      return;
    case 6:
      text.insertEmbed(end(text.length), { image: 'x'.repeat(much), at });
      return;
    case 7:
      text.applyDelta([
        { retain: end(text.length) },
        { insert: 'linked', attributes: { href: { to: [at] } } },
      ]);
      return;
    case 8:
      map.set(`k${at % 5}`, [much, -at, at / 7, null, undefined, true, { deep: [{ er: 'x' }] }, 2n ** 40n]);
      return;
    case 9:
      map.set(`k${at % 5}`, new Y.Map([['inner', new Uint8Array([at % 256, much])]]));
      return;
    case 10:
      map.delete(`k${at % 5}`);
      return;
    case 11: {
      const nested = map.get(`k${at % 5}`);
      if (nested instanceof Y.Map) nested.set('more', new Y.Text('nested'));
      return;
    }
    case 12:
      list.insert(end(list.length), [at, 'two', { three: 3 }, ...Array.from({ length: much }, () => at)]);
      return;
    case 13:
      if (list.length > 0) list.delete(...cut(list.length));
      return;
    case 14:
      list.push([
        new Y.Array(),
        new Y.Text('in a list'),
        new Y.Doc({ autoLoad: at % 2 === 0, meta: { at } }),
      ]);
      return;
    case 15:
    case 16: {
      const paragraph = new Y.XmlElement('paragraph');
      paragraph.setAttribute('level', String(much));
      paragraph.insert(0, [new Y.XmlText('some words'), new Y.XmlElement('br')]);
      xml.insert(end(xml.length), [paragraph]);
      return;
    }
    case 17:
      if (xml.length > 0) xml.delete(...cut(xml.length));
      return;
    case 18: {
      const element = xml.length > 0 ? xml.get(at % xml.length) : undefined;
      if (element instanceof Y.XmlElement) element.setAttribute(`a${at % 3}`, String(much));
      return;
    }
    case 19: {
      const element = xml.length > 0 ? xml.get(at % xml.length) : undefined;
      if (element instanceof Y.XmlElement && element.length > 0) {
        const child = element.get(0);
        if (child instanceof Y.XmlText) {
          child.insert(end(child.length), 'typed');
          child.format(0, 1 + (much % child.length), { em: true });
        } else element.insert(0, [new Y.XmlElement('deeper')]);
      }
      return;
    }
    case 20:
      map.set('doc', new Y.Doc({ gc: at % 2 === 0 }));
      return;
    default:
      list.insert(0, [new Y.Map([['a', new Y.Array()]])]);
  }
}
