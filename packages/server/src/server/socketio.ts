import {
  createSocketIoGateway,
  type SocketIoGateway,
  type SocketIoGatewayOptions,
} from '../gateways/socketio/socketio-gateway.ts';
import { StartError } from './start-error.ts';

/** Makes the gateway, once there is something for it to stand on. */
export type SocketIoMaker = (options: Omit<SocketIoGatewayOptions, 'library'>) => SocketIoGateway;

/**
 * The driver is an optional peer: only who has clients of Socket.IO needs it.
 *
 * @throws StartError where the package is not installed
 */
export async function loadSocketIo(): Promise<SocketIoMaker> {
  try {
    const library = await import('socket.io');
    return (options) => createSocketIoGateway({ ...options, library });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    throw new StartError(
      'gateways.socketio.channel: the package socket.io is not installed: npm install socket.io@4',
    );
  }
}
