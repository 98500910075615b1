import { type CloseReason, adviceForClose } from '@carillon/protocol';
import type { ConnectionReason } from './events.ts';

/**
 * The close codes whose name matters to a client: why it must stop, and that a new login token is wanted. The names
 * are those of `CLOSES` in @carillon/protocol, whose help texts have no place in a browser's bundle; a test keeps the
 * two equal.
 */
const NAMES: Readonly<Record<number, CloseReason>> = {
  4100: 'token_expired',
  4200: 'token_invalid',
  4201: 'username_mismatch',
  4202: 'user_id_invalid',
  4203: 'version_unsupported',
  4204: 'replaced',
  4205: 'logged_out',
  4206: 'user_erased',
  4207: 'bad_messages',
  4208: 'revoked',
  4209: 'disconnected',
};

/**
 * @returns the reason a close code stands for: its name, `close_<code>` for another that says stop, and `line_lost` for
 * the rest, 1006 above all
 */
export function reasonForClose(closeCode: number): ConnectionReason {
  return NAMES[closeCode] ?? (adviceForClose(closeCode) === 'stop' ? `close_${closeCode}` : 'line_lost');
}
