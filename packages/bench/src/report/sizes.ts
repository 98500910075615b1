import type { Size, SizesResult } from '../scenarios/sizes.ts';
import { digits, table, type Verdict, verdicts } from './table.ts';

const KB = 1024;
const CORE_KB = 10;
const ALL_KB = 16;

export function reportSizes(sizes: SizesResult): string {
  const { entries, withDefault, offline, leanCore, leanWhole, everything, peers } = sizes;
  const byDefault = of(entries, '.');
  const presence = of(entries, './presence');
  const judged = [
    judge(`core at most ${CORE_KB} KB: presence alone`, presence.firstBytes, CORE_KB),
    judge(`core at most ${CORE_KB} KB: the lean client alone`, leanCore.firstBytes, CORE_KB),
    judge(
      `core at most ${CORE_KB} KB: the default entry, with channels and calls`,
      byDefault.firstBytes,
      CORE_KB,
    ),
    judge(`all transports at most ${ALL_KB} KB: with presence alone`, whole(presence), ALL_KB),
    judge(
      `all transports and the outbox at most ${ALL_KB} KB: with the lean client`,
      whole(leanWhole),
      ALL_KB,
    ),
    judge(
      `all transports and the outbox at most ${ALL_KB} KB: with the default entry`,
      whole(offline),
      ALL_KB,
    ),
  ];
  const rows = [
    row('`@carillon/client/presence`', presence, null),
    row('`@carillon/client/lean`: publications and calls', leanCore, null),
    row('`@carillon/client/lean` with all transports', of(entries, './lean'), null),
    row('`@carillon/client/lean` with all transports and the outbox', leanWhole, null),
    row('`@carillon/client`: presence, channels and calls', byDefault, null),
    ...[...withDefault].map(([path, size]) =>
      row(`\`@carillon/client${path.slice(1)}\``, of(entries, path), size.firstBytes - byDefault.firstBytes),
    ),
    row('the default entry and all of these', everything, null),
    ...[...peers].map(([name, size]) => row(`\`${name}\``, size, null)),
  ];
  return `${verdicts(judged)}

All that an entry exports, bundled by the same Vite with the same settings, minified, gzipped at level 9; KB of 1,024 bytes. SSE and long-poll are loaded where WebSocket does not work: that is what is loaded when needed. React is not counted.

${table(['KB', 'at first', 'when needed', 'more than the default entry'], rows)}`;
}

function judge(target: string, bytes: number, mostKb: number): Verdict {
  return { target, value: `${digits(bytes / KB)} KB`, met: bytes <= mostKb * KB };
}

function row(name: string, { firstBytes, laterBytes }: Size, moreBytes: number | null): readonly string[] {
  return [
    name,
    digits(firstBytes / KB),
    laterBytes === 0 ? '' : digits(laterBytes / KB),
    moreBytes === null ? '' : digits(moreBytes / KB),
  ];
}

function whole({ firstBytes, laterBytes }: Size): number {
  return firstBytes + laterBytes;
}

function of(sizes: ReadonlyMap<string, Size>, path: string): Size {
  const size = sizes.get(path);
  if (size === undefined) throw new Error(`no entry ${path}`);
  return size;
}
