import { writeVarUint } from 'lib0/encoding';
import * as Y from 'yjs';

type Struct = ReturnType<typeof Y.decodeUpdate>['structs'][number];

/**
 * The update with everything that was made by one client id made by another: for changes whose client id turned out to be somebody else's.
 *
 * @param update of Yjs, format 1, that holds all that `from` made
 */
export function rewriteClient(update: Uint8Array, from: number, to: number): Uint8Array {
  const { structs, ds } = Y.decodeUpdate(update);
  const rename = (id: unknown): void => {
    // Of what was decoded nobody else has anything.
    if (id instanceof Y.ID && id.client === from) id.client = to;
  };
  const byClient = new Map<number, Struct[]>();
  for (const struct of structs) {
    rename(struct.id);
    if (struct instanceof Y.Item)
      for (const id of [struct.origin, struct.rightOrigin, struct.parent]) rename(id);
    const { client } = struct.id;
    const made = byClient.get(client);
    if (made === undefined) byClient.set(client, [struct]);
    else made.push(struct);
  }
  const encoder = new Y.UpdateEncoderV1();
  const { restEncoder } = encoder;
  writeVarUint(restEncoder, byClient.size);
  // As Yjs does: higher client ids first.
  for (const [client, made] of [...byClient].sort(([a], [b]) => b - a)) {
    writeVarUint(restEncoder, made.length);
    encoder.writeClient(client);
    writeVarUint(restEncoder, made[0]?.id.clock ?? 0);
    for (const struct of made) struct.write(encoder, 0);
  }
  const deleted = new Map(
    [...ds.clients].map(([client, runs]) => [client === from ? to : client, runs] as const),
  );
  writeVarUint(restEncoder, deleted.size);
  for (const [client, runs] of [...deleted].sort(([a], [b]) => b - a)) {
    encoder.resetDsCurVal();
    writeVarUint(restEncoder, client);
    writeVarUint(restEncoder, runs.length);
    for (const { clock, len } of runs) {
      encoder.writeDsClock(clock);
      encoder.writeDsLen(len);
    }
  }
  return encoder.toUint8Array();
}
