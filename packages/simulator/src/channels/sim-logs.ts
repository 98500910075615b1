import type { Broker, Log } from '@carillon/server/simulation';
import type { Calls } from '../node/calls.ts';
import type { Disk } from '../node/disk.ts';
import type { Random } from '../random.ts';
import type { Owner, VirtualTime } from '../time/virtual-time.ts';

type Soon<T> = T | Promise<T>;

/** The log of stored channels: appends are committed with everything else on the disk, readings take their time. */
export function logOnDisk(log: Log, disk: Disk, calls: Calls): Log {
  const later = <T>(read: () => Soon<T>): Promise<T> => calls.anytime(async () => read());
  return {
    ...log,
    append: (append) => calls.atOnce(() => disk.write(async () => log.append(append))),
    top: (channel) => later(() => log.top(channel)),
    read: (channel, position, retention, nowMs) => later(() => log.read(channel, position, retention, nowMs)),
    history: (channel, query, retention, nowMs) => later(() => log.history(channel, query, retention, nowMs)),
    entries: (channel, after, limit) => later(() => log.entries(channel, after, limit)),
    expire: (nowMs, limit) => later(() => log.expire(nowMs, limit)),
  };
}

/** How long a publication takes at most from one node to itself, ms. */
const LATE_MS = 80;

/** A broker as a shared one is: publications are late, overtake each other, come twice or not at all. */
export function looseBroker(broker: Broker, time: VirtualTime, life: Owner, random: Random): Broker {
  return {
    subscribe: (topic) => broker.subscribe(topic),
    unsubscribe: (topic) => broker.unsubscribe(topic),
    listen: (listener) => broker.listen(listener),
    publish(topic, message) {
      if (message.kind !== 'publication') return broker.publish(topic, message);
      const send = (): void => {
        time.plan(random.whole(0, LATE_MS), life, () => void broker.publish(topic, message));
      };
      if (!random.chance(0.04)) send();
      if (random.chance(0.04)) send();
      return undefined;
    },
  } satisfies Broker;
}
