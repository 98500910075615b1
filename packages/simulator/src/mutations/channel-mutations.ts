import type { Mutation } from './plant.ts';

const CORE = 'packages/server/src/core/';
const CHANNELS = 'packages/server/src/runtime/channels/';
const MEMORY = 'packages/server/src/adapters/memory/';
const CLIENT = 'packages/client/src/core/channels/';
const OUTBOX = 'packages/client/src/core/outbox/';

/** Bugs in streams and maps. Some are those that whoever writes such a server makes first; some it found in this one. */
export const channelMutations = {
  'no join buffer': {
    channels: true,
    file: `${CHANNELS}subscribing.ts`,
    find: 'for (const { offset, frame } of buffer)',
    replace: 'for (const { offset, frame } of [] as typeof buffer)',
  },
  'replay after live': {
    channels: true,
    file: `${CHANNELS}subscribing.ts`,
    find: 'for (const frame of start.frames) flusher.send(link, frame);\n  for',
    replace:
      'context.ports.clock.setTimer(5, () => start.frames.forEach((frame) => flusher.send(link, frame)));\n  for',
  },
  'what was replayed is sent live again': {
    channels: true,
    file: `${CHANNELS}delivery.ts`,
    find: 'if (offset <= state.from) continue;',
    replace: '',
  },
  'what was buffered is sent behind its replay again': {
    channels: true,
    file: `${CHANNELS}subscribing.ts`,
    find: 'if (offset > start.top.offset) flusher.send(link, frame);',
    replace: 'flusher.send(link, frame);',
  },
  'trimming ignored': {
    channels: true,
    file: `${MEMORY}log.ts`,
    find: "if (top.offset - position.offset > channel.history.size) return { ok: false, why: 'trimmed', top };",
    replace: '',
  },
  'the next is not waited for': {
    channels: true,
    file: `${CORE}channel/feed.ts`,
    find: 'if (offset === feed.next) {\n    feed.next++;',
    replace: 'if (offset >= feed.next) {\n    feed.next = offset + 1;',
  },
  'tops are not compared': {
    channels: true,
    file: `${CHANNELS}feeding.ts`,
    find: 'if (!moved && (top.epoch !== now.epoch || top.offset > now.offset)) catchUp(channel);',
    replace: 'void moved;',
  },
  'another replay is as good': {
    channels: true,
    file: `${CHANNELS}replay.ts`,
    find: 'return channel.replays.get(`${from}:${to}`);',
    replace: 'return [...channel.replays.values()][0];',
  },
  'an epoch comes back': {
    channels: true,
    file: `${CORE}channel/channel-epochs.ts`,
    find: 'const life = newEpoch();',
    replace: "const life = 'epoch';",
  },
  'a stalled subscription goes on': {
    channels: true,
    file: `${CHANNELS}channels.ts`,
    find: "if (subscription?.state.name === 'live') subscription.state = { name: 'stalled', link };",
    replace: 'void subscription;',
  },
  'dropping is not told': {
    channels: true,
    file: `${CORE}outbox/outbox.ts`,
    find: 'frames.push(render.gap(channel.ref, gapReason(channel), gapOffset(entry, channel)));',
    replace: 'void gapOffset(entry, channel);',
  },
  'ids are not remembered': {
    channels: true,
    file: `${CHANNELS}draft.ts`,
    find: 'once: onceOf(draft, data),',
    replace: 'once: null,',
  },
  'the client takes no notice that nothing was recovered': {
    channels: true,
    file: `${CLIENT}subscribing.ts`,
    find: 'if (reply.rec !== false && epoch === place.epoch)',
    replace: 'if (epoch === place.epoch)',
  },
  'an outbox takes what it sends for answered': {
    channels: true,
    file: `${OUTBOX}draining.ts`,
    find: "queue.effects.push({ do: 'hand', hand: lane.hand, request, queue: entry.queue, number });",
    replace:
      "queue.effects.push({ do: 'remove', number }, { do: 'hand', hand: lane.hand, request, queue: entry.queue, number });",
  },
  'an outbox sends again under another number': {
    channels: true,
    file: `${OUTBOX}draining.ts`,
    find: 'request, queue: entry.queue, number });',
    replace: 'request, queue: `${entry.queue}${lane.hand}`, number });',
  },
} as const satisfies Record<string, Mutation>;
