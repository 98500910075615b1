import fc from 'fast-check';
import * as encoding from 'lib0/encoding';

/** Numbers from which a forged struct is made: each is taken modulo what it stands for. */
type ForgedStruct = readonly [kind: number, info: number, a: number, b: number, c: number, d: number];
export type Forged = {
  /**
   * Whether items may be entries of maps. Then each has one clock: of an entry with several, which no editor makes, Yjs cuts off a part
   * that it forgets to delete, and fails when the map is collected. An update alone does not tell what is an entry.
   */
  readonly keyed: boolean;
  readonly sections: readonly { readonly client: number; readonly structs: readonly ForgedStruct[] }[];
  readonly deletions: readonly (readonly [client: number, gap: number, length: number])[];
};

const forgedStruct = fc.tuple(fc.nat(11), fc.nat(7), fc.nat(30), fc.nat(30), fc.nat(30), fc.nat(30));

/** Updates that nobody's editor would make: each struct is well formed, but refers to whatever there is, and puts anything anywhere. */
export const forged: fc.Arbitrary<Forged> = fc.record({
  keyed: fc.boolean(),
  sections: fc.uniqueArray(
    fc.record({ client: fc.nat(4), structs: fc.array(forgedStruct, { minLength: 1, maxLength: 8 }) }),
    { maxLength: 3, selector: ({ client }) => client },
  ),
  deletions: fc.array(fc.tuple(fc.nat(4), fc.nat(6), fc.integer({ min: 1, max: 9 })), { maxLength: 4 }),
});

const ROOTS = ['text', 'map', 'list', 'xml', ''];

/**
 * @param clients the document's client ids and their clocks; sections begin there
 */
export function writeForged(update: Forged, clients: readonly (readonly [number, number])[]): Uint8Array {
  const to = encoding.createEncoder();
  const known = new Map(clients);
  const ids = [...clients.map(([client]) => client), 70_001, 70_002].sort((a, b) => b - a);
  const idOf = (n: number): number => ids[n % ids.length] as number;
  const sections = new Map(update.sections.map(({ client, structs }) => [idOf(client), structs]));
  const refer = (client: number, a: number, b: number, own: number): void => {
    const target = idOf(a);
    // Mostly what is there, sometimes what comes in the same update, or nothing.
    const clocks = target === client ? own : (known.get(target) ?? 0) + (b % 16 === 0 ? 3 : 0);
    encoding.writeVarUint(to, clocks === 0 ? client : target);
    encoding.writeVarUint(to, (b * 7) % (clocks === 0 ? own : clocks));
  };
  encoding.writeVarUint(to, sections.size);
  for (const [client, structs] of [...sections].sort(([a], [b]) => b - a)) {
    let clock = known.get(client) ?? 0;
    encoding.writeVarUint(to, structs.length);
    encoding.writeVarUint(to, client);
    encoding.writeVarUint(to, clock);
    for (const struct of structs) clock += writeStruct(to, struct, client, clock, refer, update.keyed);
  }
  const byClient = Map.groupBy(
    update.deletions.filter(([client]) => known.has(idOf(client))),
    ([client]) => idOf(client),
  );
  encoding.writeVarUint(to, byClient.size);
  for (const [client, ranges] of byClient) {
    encoding.writeVarUint(to, client);
    encoding.writeVarUint(to, ranges.length);
    let end = 0;
    for (const [, gap, length] of ranges) {
      encoding.writeVarUint(to, end + gap);
      encoding.writeVarUint(to, length);
      end += gap + length;
    }
  }
  return encoding.toUint8Array(to);
}

function writeStruct(
  to: encoding.Encoder,
  [kind, bits, a, b, c, d]: ForgedStruct,
  client: number,
  clock: number,
  refer: (client: number, a: number, b: number, own: number) => void,
  keyed: boolean,
): number {
  const content = kind > 9 ? 7 : kind;
  if (content === 0) {
    encoding.writeUint8(to, 0);
    encoding.writeVarUint(to, 1 + (a % 5));
    return 1 + (a % 5);
  }
  // Whatever refers to itself is refused; without anything before it an item of this client id stands in a root.
  const bound = (bits & 3) !== 0 && clock > 0;
  const info = content | (bound ? (bits & 3) << 6 : 0) | (keyed ? (bits & 4) << 3 : 0);
  encoding.writeUint8(to, info);
  if ((info & 0x80) !== 0) refer(client, a, b, clock);
  if ((info & 0x40) !== 0) refer(client, c, d, clock);
  if ((info & 0xc0) === 0) {
    const byId = d % 2 === 0 && clock > 0;
    encoding.writeVarUint(to, byId ? 0 : 1);
    if (byId) refer(client, a, b, clock);
    else encoding.writeVarString(to, ROOTS[a % ROOTS.length] as string);
    if ((info & 0x20) !== 0) encoding.writeVarString(to, `k${c % 5}`);
  }
  return writeContent(to, content, a, keyed ? 0 : b);
}

const VALUES: readonly unknown[] = [
  null,
  undefined,
  7,
  'x',
  [1, [2]],
  { a: { b: 1 } },
  2n,
  new Uint8Array(3),
  1.5,
];
const JSON_VALUES = ['null', '1', '"x"', '[]', '{"a":[1]}', 'true'];

function writeContent(to: encoding.Encoder, content: number, a: number, b: number): number {
  const many = 1 + (b % 4);
  switch (content) {
    case 1:
      encoding.writeVarUint(to, many);
      return many;
    case 2:
      encoding.writeVarUint(to, many);
      for (let i = 0; i < many; i++)
        encoding.writeVarString(to, i % 2 === 0 ? 'undefined' : (JSON_VALUES[a % 6] as string));
      return many;
    case 3:
      encoding.writeVarUint8Array(to, new Uint8Array(a));
      return 1;
    case 4: {
      const text = many === 1 ? 'é' : '💚aé你bc'.slice(0, many);
      encoding.writeVarString(to, text);
      return text.length;
    }
    case 5:
      encoding.writeVarString(to, JSON_VALUES[a % 6] as string);
      return 1;
    case 6:
      encoding.writeVarString(to, ['bold', 'em', ''][a % 3] as string);
      encoding.writeVarString(to, JSON_VALUES[b % 6] as string);
      return 1;
    case 7:
      encoding.writeVarUint(to, a % 7);
      if (a % 7 === 3 || a % 7 === 5) encoding.writeVarString(to, 'paragraph');
      return 1;
    case 8:
      encoding.writeVarUint(to, many);
      for (let i = 0; i < many; i++) encoding.writeAny(to, VALUES[(a + i) % VALUES.length] as never);
      return many;
    default:
      encoding.writeVarString(to, 'guid');
      encoding.writeAny(to, a % 2 === 0 ? {} : { gc: false, autoLoad: true, meta: { a } });
      return 1;
  }
}
