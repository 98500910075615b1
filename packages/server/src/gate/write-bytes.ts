import type { Socket } from 'node:net';
import type { RunBytes } from '../ports/transport.ts';

/**
 * Writes a run to the socket; pieces in one call of the system.
 *
 * @returns the bytes handed over
 */
export function writeBytes(socket: Socket, bytes: RunBytes): number {
  if (bytes instanceof Uint8Array) {
    socket.write(bytes);
    return bytes.length;
  }
  let length = 0;
  socket.cork();
  for (const piece of bytes) {
    socket.write(piece);
    length += piece.length;
  }
  socket.uncork();
  return length;
}
