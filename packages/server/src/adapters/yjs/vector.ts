import { cursorOn, readVarUint } from './update-bytes.ts';

/** A state vector: of how many client ids, then each with its next clock, higher ids first as Yjs writes them. */
export function encodeVector(vector: ReadonlyMap<number, number>): Uint8Array {
  const bytes: number[] = [];
  writeVarUint(bytes, vector.size);
  for (const [client, clock] of [...vector].sort(([a], [b]) => b - a)) {
    writeVarUint(bytes, client);
    writeVarUint(bytes, clock);
  }
  return Uint8Array.from(bytes);
}

/** Undefined where the bytes are none, name a client id twice, or go on behind it. */
export function decodeVector(bytes: Uint8Array): ReadonlyMap<number, number> | undefined {
  const cursor = cursorOn(bytes);
  const count = readVarUint(cursor);
  const vector = new Map<number, number>();
  for (let i = 0; i < count && cursor.fault === null; i++) {
    const client = readVarUint(cursor);
    const clock = readVarUint(cursor);
    if (vector.has(client)) return undefined;
    vector.set(client, clock);
  }
  return cursor.fault === null && cursor.at === bytes.length ? vector : undefined;
}

function writeVarUint(bytes: number[], value: number): void {
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
}
