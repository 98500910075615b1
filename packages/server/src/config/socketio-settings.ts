import type { Contract } from '@carillon/contract';
import * as z from 'zod';
import { emptyProblem, text, whole } from './setting.ts';

/** How clients of Socket.IO are let in. */
export const socketIoSchema = z
  .strictObject({
    channel: text(
      'The channel of a document that clients of Socket.IO edit on `/socket.io/`: a `stream` of the contract with `members` and one parameter, as `ops:{id}`; unless set, they are not let in.',
      {},
      emptyProblem,
    ).optional(),
    pingIntervalMs: whole(
      'How often a client of Socket.IO is asked whether it is there.',
      25_000,
      100,
      600_000,
    ),
    pingTimeoutMs: whole('How long it has to answer.', 30_000, 100, 600_000),
  })
  .prefault({});

/** How clients of Socket.IO are served; null: not at all. */
export type SocketIoConfig = {
  readonly pattern: string;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
};

export function toSocketIoConfig({
  channel,
  ...times
}: z.output<typeof socketIoSchema>): SocketIoConfig | null {
  return channel === undefined ? null : { pattern: channel, ...times };
}

/** What is wrong with the channel that documents are edited on, or undefined. */
export function socketIoProblem(
  pattern: string | undefined,
  contract: Contract | undefined,
): string | undefined {
  if (pattern === undefined) return undefined;
  const definition = contract?.channels[pattern];
  if (definition === undefined) return `is ${JSON.stringify(pattern)}, which the contract does not declare`;
  if (definition.kind !== 'stream')
    return `is ${JSON.stringify(pattern)}, a ${definition.kind}: take a stream`;
  if (definition.members !== true)
    return `is ${JSON.stringify(pattern)}, whose contract has no \`members: true\`: nobody would be told who joins`;
  const parameters = pattern.match(/\{[^{}]*\}/g) ?? [];
  if (parameters.length !== 1 || parameters[0] === '{user}')
    return `is ${JSON.stringify(pattern)}: one parameter is needed that takes the document, and not {user}`;
  return undefined;
}
