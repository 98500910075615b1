import { type MemberModel, createMemberModel } from '../../src/adapters/memory/member-model.ts';
import { type MemberStore, createSharedMemoryMembers } from '../../src/adapters/memory/shared-members.ts';
import { type MemberNotice, channelTopic } from '../../src/ports/broker.ts';
import type { SharedMembers } from '../../src/ports/members.ts';
import type { MembersSubject } from '../../src/testing/members-contract.ts';

/** Several nodes over one model in memory. */
export async function memoryMembersSubject(): Promise<MembersSubject> {
  let model: MemberModel = createMemberModel();
  let losses = 0;
  const nodes = new Map<string, SharedMembers>();
  const notices = new Map<string, MemberNotice[]>();
  const store: MemberStore = {
    model: () => model,
    incarnation: () => losses,
    publish(topic, message) {
      if (message.kind === 'member') notices.get(topic)?.push(message);
    },
    run: async (step) => step(),
  };
  return {
    node(name) {
      const there = nodes.get(name) ?? createSharedMemoryMembers(store, name);
      nodes.set(name, there);
      return there;
    },
    async watch(channel) {
      notices.set(channelTopic(channel), []);
    },
    async told(channel) {
      return notices.get(channelTopic(channel))?.splice(0) ?? [];
    },
    async lose() {
      losses++;
      model = createMemberModel(model.lastVersion);
    },
    async close() {},
  };
}
