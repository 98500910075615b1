import { type Broker, type MemberNotice, channelTopic } from '../../ports/broker.ts';
import type { Members } from '../../ports/members.ts';
import { countOf, createMemberModel, enter, occupy, page, quit, vacate } from './member-model.ts';

/** The name of a node that has no others. */
const ALONE = '';

/** Who is in the channels of a single node. Everything is answered at once. */
export function createMemoryMembers(broker: Broker): Members {
  const model = createMemberModel();

  function tell(notice: MemberNotice | undefined): void {
    // In process nothing is refused.
    if (notice !== undefined) void broker.publish(channelTopic(notice.channel), notice);
  }

  return {
    join: (channel, user) => tell(enter(model, channel, user, ALONE)),
    leave: (channel, user) => tell(quit(model, channel, user, ALONE)),
    page: (channel, after, limit) => page(model, channel, after, limit),
    count: (channel) => countOf(model, channel),
    occupied: (channel) => occupy(model, channel, ALONE),
    vacated: (channel) => vacate(model, channel, ALONE),
  } satisfies Members;
}
