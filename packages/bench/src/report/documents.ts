import {
  type Contender,
  type DocumentsPlan,
  type DocumentsResult,
  IN_FLIGHT,
  MOVES,
  WATCHERS,
} from '../scenarios/documents.ts';
import { digits, table, verdicts } from './table.ts';

const NAMES: Record<Contender, string> = {
  carillon: 'Carillon',
  'y-websocket': 'y-websocket server',
  hocuspocus: 'Hocuspocus',
};

const MOST_P95_MS = 100;
const MOST_OF_BARE = 1.3;
const MOST_GROWTH = 3;

export function reportDocuments(
  plan: DocumentsPlan,
  { crowd, join, idleBytes, paper }: DocumentsResult,
): string {
  const own = crowd.find(({ contender }) => contender === 'carillon');
  const p95 = Math.max(own?.cursor.p95 ?? Infinity, own?.update.p95 ?? Infinity);
  const ofBare = join.seconds / join.bareSeconds;
  const growth = (join.grownMb * 1024 * 1024) / join.state;
  const number = (value: number): string => value.toLocaleString('en-US');
  return `${verdicts([
    {
      target: `${number(plan.clients)} people in one document: p95 of cursors and updates under ${MOST_P95_MS} ms`,
      value: `${digits(p95)} ms`,
      met: p95 < MOST_P95_MS,
    },
    {
      target: `${number(plan.joiners)} joiners: at most ${MOST_OF_BARE} of bare \`ws\` that sends the same bytes`,
      value: digits(ofBare),
      met: ofBare <= MOST_OF_BARE,
    },
    {
      target: `memory grows by at most ${MOST_GROWTH} times the document meanwhile`,
      value: digits(growth),
      met: growth <= MOST_GROWTH,
    },
    {
      target: 'the paper is the same everywhere',
      value: paper.map(({ equal }) => (equal ? 'equal' : 'different')).join(', '),
      met: paper.every(({ equal }) => equal),
    },
  ])}

${number(plan.clients)} clients of one document, each moving its cursor ${MOVES} times a second, ten of them typing once a second, for ${plan.seconds} s. Of what arrives at five of them the delay from its sending is taken. Each server is alone on its core, without compression and without a store: Carillon's document is \`memory\`. The clients' process is the limit where a server sends more than it can read.

${table(
  [
    '',
    'cursor p50 ms',
    'p95',
    'p99',
    'update p50 ms',
    'p95',
    'p99',
    'cursor moves seen of 100',
    'CPU % of a core',
    'MB a second',
    'memory MB',
  ],
  crowd.map((sample) => [
    NAMES[sample.contender],
    ...[sample.cursor, sample.update].flatMap(({ p50, p95: most, p99 }) => [p50, most, p99].map(digits)),
    digits(sample.cursorsPercent),
    digits(sample.cpuPercent),
    digits(sample.megabytesPerSecond),
    digits(sample.residentMb),
  ]),
)}

${number(plan.joiners)} clients who are logged in join a document of ${digits(join.state / 1024 / 1024)} MB at one moment; bare \`ws\` sends as many frames of the same sizes.

${table(
  ['', ''],
  [
    ['until all have received it, s', digits(join.seconds)],
    ['bare `ws`, s', digits(join.bareSeconds)],
    ['bytes on the wire each, MB', digits(join.bytes / 1024 / 1024)],
    ['server memory grew by at most, MB', digits(join.grownMb)],
    ['to apply it, once, ms', digits(join.applyMs)],
  ],
)}

${number(plan.idle)} documents are open, each with a client in it: ${number(Math.round(idleBytes))} bytes of memory each.

${plan.paper === null ? 'Made-up keystrokes' : 'A paper'}, keystroke by keystroke, by one writer with ${IN_FLIGHT} updates under way and ${WATCHERS} who watch; until the last of them has all.

${table(
  [
    '',
    'updates',
    'updates a second',
    'CPU µs each',
    'bytes up each',
    'bytes down each',
    'memory MB',
    'at most',
    'bytes at rest',
    'bytes of the state',
  ],
  paper.map((sample) => [
    sample.durability,
    number(sample.updates),
    digits(sample.updatesPerSecond),
    digits(sample.microsEach),
    digits(sample.bytesUp),
    digits(sample.bytesDown),
    digits(sample.residentMb),
    digits(sample.peakMb),
    sample.restBytes === null ? '' : number(sample.restBytes),
    number(sample.stateBytes),
  ]),
)}`;
}
