import { BACK_AT_ONCE, type KilledPlan, type KilledRound, SPREAD_SECONDS } from '../scenarios/killed.ts';
import type { Opened } from '../processes/load.ts';
import { median, medianRatio } from '../statistics.ts';
import { digits, table, verdicts } from './table.ts';

const MOST_SECONDS = 2;

export function reportKilled(plan: KilledPlan, rounds: readonly KilledRound[]): string {
  const middle = (read: (round: KilledRound) => number): number => median(rounds.map((round) => read(round)));
  const total = (read: (round: KilledRound) => number): number =>
    rounds.reduce((sum, round) => sum + read(round), 0);
  const row = (name: string, read: (round: KilledRound) => Opened): string[] => [
    name,
    digits(middle((round) => read(round).halfSeconds)),
    digits(middle((round) => read(round).mostSeconds)),
    digits(middle((round) => read(round).seconds)),
  ];
  const ratio = (read: (opened: Opened) => number): string =>
    digits(
      medianRatio(
        rounds.map(({ back }) => read(back)),
        rounds.map(({ floor }) => read(floor)),
      ),
    );
  const mostSeconds = middle(({ back }) => back.mostSeconds);
  const resumed = Math.min(...rounds.map((round) => round.resumed));
  const flaps = total((round) => round.flaps);
  return `${verdicts([
    {
      target: `95% resumed within ${MOST_SECONDS} s`,
      value: `${digits(mostSeconds)} s`,
      met: mostSeconds <= MOST_SECONDS,
    },
    {
      target: 'every session goes on',
      value: `${resumed.toLocaleString('en-US')} of ${plan.clients.toLocaleString('en-US')} in the worst round`,
      met: resumed === plan.clients,
    },
    { target: 'nobody sees anybody go or come', value: `${flaps} in all rounds`, met: flaps === 0 },
    {
      target: 'resumes ask no authorize callback',
      value: `${total((round) => round.askedAtResume)} questions, ${total((round) => round.askedAtLogin).toLocaleString('en-US')} by the logins before`,
      met: total((round) => round.askedAtResume) === 0,
    },
  ])}

Three nodes over one Redis; ${plan.clients.toLocaleString('en-US')} clients of one of them, each with presence and a subscription that a callback allowed, when it is killed (kill -9). ${plan.watchers} watchers on the other two see each of them four times. The clients come back within ${SPREAD_SECONDS * 1000} ms, half to each of the two, ${BACK_AT_ONCE} of them being let in at any moment, with login token, resume token and grant; times are from the kill. The last round was watched for ${plan.watchSeconds} s more, until the dead node had been swept. Medians of ${rounds.length} rounds; nodes, Redis and load share all cores. The floor is the same clients at two bare \`ws\` servers, which answer their first message.

${table(
  ['seconds until', '50%', '95%', '100%'],
  [
    row('resumed, and subscribed again', ({ back }) => back),
    row('bare `ws`: connect, one message, one answer', ({ floor }) => floor),
    [
      'of the floor',
      ratio((opened) => opened.halfSeconds),
      ratio((opened) => opened.mostSeconds),
      ratio((opened) => opened.seconds),
    ],
  ],
)}

Lines that broke at the kill, in the worst round: ${Math.min(...rounds.map(({ struck }) => struck)).toLocaleString('en-US')}. What else watchers were sent: ${total((round) => round.otherMessages)} messages.`;
}
