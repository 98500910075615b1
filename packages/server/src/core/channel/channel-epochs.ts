/**
 * Dropped channels whose epoch a log remembers, some 100 bytes each. One too many, and all channels that are not there
 * get a new epoch: whoever held one of those positions at offset 0 is told so, and has missed nothing.
 */
export const REMEMBERED_CHANNELS = 10_000;

/**
 * The epochs of channels that are not there. One that never had a publication costs nothing: all of those stand at
 * offset 0 of one epoch, and take it with them when they begin. One that was dropped stands at offset 0 of an epoch of
 * its own, which has to be remembered.
 */
export type ChannelEpochs = {
  /** The epoch in which the channel's next publication will be the first. */
  of(channel: string): string;
  /** The channel begins: it remembers its epoch itself from now on. */
  begin(channel: string): string;
  /** The channel, with publications in it, is dropped. */
  end(channel: string): void;
};

/**
 * @param newEpoch gives a name that was never given before, also by an earlier life of the process
 */
export function createChannelEpochs(newEpoch: () => string): ChannelEpochs {
  const life = newEpoch();
  const dropped = new Map<string, string>();
  let given = 0;
  let untouched = life;
  const next = (): string => `${life}.${++given}`;

  return {
    of: (channel) => dropped.get(channel) ?? untouched,
    begin(channel) {
      const epoch = dropped.get(channel);
      if (epoch === undefined) return untouched;
      dropped.delete(channel);
      return epoch;
    },
    end(channel) {
      dropped.set(channel, next());
      if (dropped.size <= REMEMBERED_CHANNELS) return;
      dropped.clear();
      untouched = next();
    },
  };
}
