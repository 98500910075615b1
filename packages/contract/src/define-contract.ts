import { contractProblem } from './contract-problem.ts';
import {
  type Broadcasts,
  type Calls,
  type Channels,
  type Contract,
  DEFAULT_PRESENCE,
  type None,
  type PresenceFields,
} from './contract.ts';

/** Why a contract cannot be used, in one line that names what is wrong and what to do. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

/**
 * Declares what moves in an app, once for both sides: the server checks by it, the client takes its type.
 *
 * @param parts all may be left out: `presence` fields with their longest values; `channels` by their pattern;
 * `calls` that the server serves, `clientCalls` that clients serve, `broadcasts` to everyone, by their name
 * @throws ContractError where a pattern, a name or an option cannot be used, or two patterns overlap
 */
export function defineContract<
  const Ch extends Channels = None,
  const Ca extends Calls = None,
  const Cc extends Calls = None,
  const Br extends Broadcasts = None,
  const Pr extends PresenceFields = typeof DEFAULT_PRESENCE,
>(parts: {
  readonly presence?: Pr;
  readonly channels?: Ch;
  readonly calls?: Ca;
  readonly clientCalls?: Cc;
  readonly broadcasts?: Br;
}): Contract<Ch, Ca, Cc, Br, Pr> {
  // A part that is left out is the default of its type.
  const contract = {
    presence: parts.presence ?? DEFAULT_PRESENCE,
    channels: parts.channels ?? {},
    calls: parts.calls ?? {},
    clientCalls: parts.clientCalls ?? {},
    broadcasts: parts.broadcasts ?? {},
  } as Contract<Ch, Ca, Cc, Br, Pr>;
  const problem = contractProblem(contract);
  if (problem !== undefined) throw new ContractError(problem);
  return contract;
}
