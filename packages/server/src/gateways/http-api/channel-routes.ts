import { MAX_EPOCH_LENGTH } from '@carillon/protocol';
import * as z from 'zod';
import { afterName, channel, pageSize } from './parameters.ts';
import { channelInfo, channelList, entriesPage, historyPage, memberList } from './channel-schemas.ts';
import { route } from './define-route.ts';
import { entriesText, historyText } from './page-text.ts';
import { flag, wholeNumber } from './read-request.ts';
import type { Refusal } from './replies.ts';

const offset = wholeNumber(0, Number.MAX_SAFE_INTEGER).optional();

/** What channels keep, and who is in them. */
export const channelRoutes = [
  route({
    id: 'history',
    method: 'GET',
    path: '/v1/channels/{channel}/history',
    tag: 'Channels',
    summary: 'A page of what was published on a stream or map.',
    description:
      'Oldest first, from the oldest that is kept or behind `after`; newest first, from the newest or before `before`.',
    params: { channel },
    query: {
      after: offset.meta({ description: 'Only what lies behind this offset, oldest first.' }),
      before: offset.meta({ description: 'Only what lies before this offset, newest first.' }),
      reverse: flag().optional().meta({ description: 'Newest first, from the newest.' }),
      since: wholeNumber(0, Number.MAX_SAFE_INTEGER)
        .optional()
        .meta({ description: 'Only what was taken at or after this time, ms since 1970.' }),
      epoch: z
        .string()
        .min(1)
        .max(MAX_EPOCH_LENGTH)
        .optional()
        .meta({ description: 'The epoch that the offset belongs to: `conflict` where it is over.' }),
      limit: pageSize,
    },
    answer: { about: 'The page.', schema: historyPage },
    errors: ['channel_unknown', 'kind_mismatch', 'conflict', 'unavailable'],
    async handle({ channel: name, query }, { node }) {
      const { after, before, epoch, limit } = query;
      const reverse = before !== undefined || query.reverse === true;
      if (after !== undefined && reverse)
        return refused('after is read forwards: it goes with neither before nor reverse');
      const outcome = await node.history({
        channel: name,
        offset: after ?? before,
        reverse,
        limit,
        sinceMs: query.since,
      });
      if (!outcome.ok) return outcome;
      const { top } = outcome.value;
      if (epoch !== undefined && epoch !== top.epoch) {
        const detail = 'the epoch is over: what was known of the channel counts no more';
        return { ok: false, code: 'conflict', detail, particulars: { position: top } };
      }
      return { ok: true, value: historyText(outcome.value) };
    },
  }),

  route({
    id: 'entries',
    method: 'GET',
    path: '/v1/channels/{channel}/entries',
    tag: 'Channels',
    summary: "A page of a map's entries, by key.",
    params: { channel },
    query: { after: afterName, limit: pageSize },
    answer: { about: 'The page.', schema: entriesPage },
    errors: ['channel_unknown', 'kind_mismatch', 'unavailable'],
    async handle({ channel: name, query }, { node }) {
      const outcome = await node.entries(name, query.after ?? null, query.limit);
      return outcome.ok ? { ok: true, value: entriesText(outcome.value) } : outcome;
    },
  }),

  route({
    id: 'members',
    method: 'GET',
    path: '/v1/channels/{channel}/members',
    tag: 'Channels',
    summary: 'A page of the users who are in a channel.',
    params: { channel },
    query: { after: afterName, limit: pageSize },
    answer: { about: 'The page.', schema: memberList },
    errors: ['channel_unknown', 'kind_mismatch', 'unavailable'],
    async handle({ channel: name, query }, { node }) {
      const outcome = await node.members(name, query.after ?? null, query.limit);
      if (!outcome.ok) return outcome;
      const { users, count, next } = outcome.value;
      return { ok: true, value: { users: [...users], count, ...(next === null ? {} : { next }) } };
    },
  }),

  route({
    id: 'channel',
    method: 'GET',
    path: '/v1/channels/{channel}',
    tag: 'Channels',
    summary: 'What a channel is, where it stands, and how many are in it.',
    params: { channel },
    answer: { about: 'The channel.', schema: channelInfo },
    errors: ['channel_unknown', 'unavailable'],
    async handle({ channel: name }, { node }) {
      const outcome = await node.channelInfo(name);
      if (!outcome.ok) return outcome;
      const { position, members, ...info } = outcome.value;
      return {
        ok: true,
        value: {
          ...info,
          ...(position === null ? {} : { position: { ...position } }),
          ...(members === null ? {} : { members }),
        },
      };
    },
  }),

  route({
    id: 'channels',
    method: 'GET',
    path: '/v1/channels',
    tag: 'Channels',
    summary: 'A page of the channels that somebody on this node is subscribed to.',
    query: { after: afterName, limit: pageSize },
    answer: { about: 'The page.', schema: channelList },
    errors: ['unavailable'],
    async handle({ query }, { node }) {
      const outcome = await node.channels(query.after ?? null, query.limit);
      if (!outcome.ok) return outcome;
      const { channels, next } = outcome.value;
      return { ok: true, value: { channels: [...channels], ...(next === null ? {} : { next }) } };
    },
  }),
];

function refused(detail: string): Refusal {
  return { ok: false, code: 'bad_message', detail };
}
