import type { ChannelFrame, ChannelRef, OutboundFrame } from '../../src/core/outbox/frame.ts';

/**
 * What an outbox must hold and release, written down naively: a log of everything that was sent, in which what is gone is
 * marked, gone through from the start for every question.
 */
export type HeldModel = {
  hold(frames: readonly OutboundFrame[]): ModelOutcome;
  dropHeld(channel: ChannelRef): void;
  units(): number;
  unitsOf(channel: ChannelRef): number;
  /** Texts in their order; a gap as `gap <channel> <why> <offset>`. */
  release(): readonly string[];
};

export type ModelOutcome = {
  readonly overflow: boolean;
  readonly dropped: number;
  readonly resyncs: readonly ChannelRef[];
};

type Logged = {
  readonly frame: OutboundFrame;
  /** What is begun anew has nothing to do with what was before it. */
  readonly life: number;
  gone: 'no' | 'folded' | 'dropped' | 'resync';
};

export function createHeldModel(limit: number): HeldModel {
  let log: Logged[] = [];
  const lives = new Map<ChannelRef, number>();

  const isOf = ({ frame }: Logged, channel: ChannelRef): boolean =>
    frame.kind === 'channel' && frame.channel === channel;
  const kept = (entries: readonly Logged[]): readonly Logged[] => entries.filter(({ gone }) => gone === 'no');
  const unitsIn = (entries: readonly Logged[]): number =>
    kept(entries).reduce((sum, { frame }) => sum + frame.text.length, 0);

  /** @returns how many went, or that the channel is given up, or closes */
  function act(channel: ChannelRef, entry: Logged): number | 'resync' | 'overflow' {
    const frame = entry.frame as ChannelFrame;
    const own = log.filter((one) => isOf(one, channel) && one.life === entry.life);
    let went = 0;
    if (channel.slow === 'conflate') {
      for (const one of kept(own)) {
        const other = one.frame as ChannelFrame;
        if (one === entry || other.key !== frame.key || other.offset > 0 !== frame.offset > 0) continue;
        one.gone = 'folded';
        went++;
      }
    }
    if (unitsIn(own) <= channel.heldUnits) return went;
    if (channel.slow === 'close') return 'overflow';
    const published = own.some((one) => (one.frame as ChannelFrame).offset > 0);
    if (channel.slow === 'resync' || (channel.slow === 'conflate' && published)) {
      for (const one of own) one.gone = 'resync';
      return 'resync';
    }
    for (const one of kept(own)) {
      if (unitsIn(own) <= channel.heldUnits) break;
      one.gone = 'dropped';
      went++;
    }
    return went;
  }

  return {
    hold(frames) {
      let overflow = false;
      let dropped = 0;
      const resyncs: ChannelRef[] = [];
      for (const frame of frames) {
        const life = frame.kind === 'channel' ? (lives.get(frame.channel) ?? 0) : 0;
        if (frame.kind === 'channel' && resyncs.includes(frame.channel)) {
          dropped++;
          continue;
        }
        const entry: Logged = { frame, life, gone: 'no' };
        log.push(entry);
        if (frame.kind !== 'channel') continue;
        const before = kept(log).length;
        const outcome = act(frame.channel, entry);
        dropped += before - kept(log).length;
        if (outcome === 'overflow') overflow = true;
        if (outcome === 'resync') resyncs.push(frame.channel);
      }
      for (const channel of resyncs) lives.set(channel, (lives.get(channel) ?? 0) + 1);
      return { overflow: overflow || unitsIn(log) > limit, dropped, resyncs };
    },
    dropHeld(channel) {
      log = log.filter((entry) => !isOf(entry, channel));
      lives.set(channel, (lives.get(channel) ?? 0) + 1);
    },
    units: () => unitsIn(log),
    unitsOf: (channel) => unitsIn(log.filter((entry) => isOf(entry, channel))),
    release() {
      const texts = log.flatMap((entry, at) => {
        const { frame, life, gone } = entry;
        if (frame.kind !== 'channel') return [frame.text];
        const own = log.filter((one) => isOf(one, frame.channel) && one.life === life);
        const before = own.slice(0, own.indexOf(entry));
        const isNewest = own.at(-1) === entry;
        if (gone !== 'no') return isNewest ? [gapText(frame.channel, own, own)] : [];
        // Missing between the last that is told and this one?
        const isGap = before.at(-1) !== undefined && before.at(-1)!.gone !== 'no';
        return isGap
          ? [
              gapText(
                frame.channel,
                own,
                log.slice(0, at + 1).filter((one) => own.includes(one)),
              ),
              frame.text,
            ]
          : [frame.text];
      });
      log = [];
      lives.clear();
      return texts;
    },
  };
}

/** @param upTo what was sent up to the place of the gap; the last stands behind it, unless it is gone */
function gapText(channel: ChannelRef, own: readonly Logged[], upTo: readonly Logged[]): string {
  if (own.some(({ gone }) => gone === 'resync')) return `gap ${channel.name} resync null`;
  const why =
    own.every(({ gone }) => gone !== 'dropped') && channel.slow === 'conflate' ? 'conflated' : 'dropped';
  const { frame, gone } = upTo.at(-1)!;
  const { offset } = frame as ChannelFrame;
  if (gone === 'no' && offset > 0) return `gap ${channel.name} ${why} ${offset - 1}`;
  const last = upTo.findLast((one) => (one.frame as ChannelFrame).offset > 0);
  return `gap ${channel.name} ${why} ${last === undefined ? null : (last.frame as ChannelFrame).offset}`;
}
