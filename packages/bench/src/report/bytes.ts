import type { BytesSample } from '../scenarios/bytes.ts';
import { digits, table } from './table.ts';

export function reportBytes(samples: readonly BytesSample[]): string {
  return `Bytes that a client read from its socket, or wrote to it, WebSocket's framing included. Plain MessagePack, without extension types.

${table(
  ['', 'JSON', 'MessagePack', 'of JSON'],
  samples.map(({ what, json, packed }) => [what, digits(json), digits(packed), (packed / json).toFixed(2)]),
)}`;
}
