import { type Arrival, perSecond, type SessionsPlan, type SessionsRound } from '../scenarios/sessions.ts';
import { median, medianRatio } from '../statistics.ts';
import { digits, table, verdicts } from './table.ts';

const MOST_KB = 12;

export function reportSessions(plan: SessionsPlan, rounds: readonly SessionsRound[]): string {
  const middle = (read: (round: SessionsRound) => number): number => median(rounds.map(read));
  const kb = middle(({ sessionKb }) => sessionKb);
  const resumed = Math.min(...rounds.map((round) => round.resumed));
  const row = (name: string, read: (round: SessionsRound) => Arrival): string[] => [
    name,
    digits(middle((round) => perSecond(read(round)))),
    digits(
      medianRatio(
        rounds.map((round) => perSecond(read(round))),
        rounds.map((round) => perSecond(round.floor)),
      ),
    ),
    digits(middle((round) => read(round).microsEach)),
    digits(middle((round) => read(round).p50Ms)),
    digits(middle((round) => read(round).p99Ms)),
  ];
  return `${verdicts([
    {
      target: `an idle session with its roster: at most ${MOST_KB} KB`,
      value: `${digits(kb)} KB`,
      met: kb <= MOST_KB,
    },
    {
      target: 'after kill -9 everybody goes on with their session',
      value: `${resumed.toLocaleString('en-US')} of ${plan.sessions.toLocaleString('en-US')}`,
      met: resumed === plan.sessions,
    },
  ])}

${plan.sessions.toLocaleString('en-US')} sessions, ${plan.idleSeconds} s idle before memory is read, medians of ${plan.repetitions} rounds. A bare \`ws\` connection took ${digits(middle(({ floorKb }) => floorKb))} KB. After kill -9 the server listened again within ${digits(middle(({ restartMs }) => restartMs))} ms.

${table(
  ['', 'a second', 'of the floor', 'server CPU µs each', 'p50 ms', 'p99 ms'],
  [
    row('bare `ws`: connect, one message, one answer', (round) => round.floor),
    row('login: connect, login, token and sync', (round) => round.login),
    row('resume after kill -9', (round) => round.resume),
  ],
)}`;
}
