import type { OtherWires } from '../ports/transport.ts';

/** Where gateways but that of WebSocket text keep what they made of a frame or a run; made where the first of them asks. */
export function othersOf<Bytes>(shared: { others: OtherWires<Bytes> | undefined }): OtherWires<Bytes> {
  return (shared.others ??= { events: undefined, packed: undefined, told: undefined, yjs: undefined });
}
