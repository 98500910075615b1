import { defineContract } from '@carillon/contract';
import { feedTopic } from '@carillon/server';
import { taskChannels } from './contract.ts';
import { taskEvent } from './tasks/event.ts';

const contract = defineContract({ channels: taskChannels });

/** The topic that the backend publishes to, unless it is told otherwise. */
export const TASK_TOPIC = 'task-updates';

/** What the backend's events become: a change of one key on the channel of the user whose task it is. */
export const taskFeed = feedTopic(contract, {
  schema: taskEvent,
  map: ({ data }) => {
    const { id, userId, task, version, mutationId } = data;
    const common = {
      channel: 'tasks:{user}' as const,
      params: { user: userId },
      key: task.id,
      // The same by whichever way it comes.
      id,
      version,
      ...(mutationId === null ? {} : { ref: mutationId }),
    };
    return data.type === 'task.deleted' ? { ...common, delete: true } : { ...common, value: data.task };
  },
});
