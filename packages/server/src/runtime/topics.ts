import { type Broker, inboxTopic, presenceTopic } from '../ports/broker.ts';

/**
 * The broker topics this node listens to; those of presence are counted, for not only who follows a user needs them. A
 * subscription that is still under way is waited for by everyone who needs the topic, not only by the first: whoever goes
 * live before it is done would miss what is published meanwhile.
 */
export type Topics = {
  subscribePresence(user: string): Promise<void> | undefined;
  unsubscribePresence(user: string): void;
  /** Whose presence this node listens to. Goes on over changes, as the iterator of a `Map` does. */
  presenceUsers(): IterableIterator<string>;
  /** Resolves once the user's topic is really subscribed; undefined when it is already. */
  presencePending(user: string): Promise<void> | undefined;
  subscribeInbox(user: string): Promise<void> | undefined;
  releaseInbox(user: string): void;
};

export function createTopics(broker: Broker): Topics {
  const pending = new Map<string, Promise<void>>();
  /** By user. */
  const watchers = new Map<string, number>();

  function subscribe(topic: string): Promise<void> | undefined {
    const subscribing = broker.subscribe(topic);
    if (subscribing === undefined) return undefined;
    const done: Promise<void> = subscribing.finally(() => {
      if (pending.get(topic) === done) pending.delete(topic);
    });
    pending.set(topic, done);
    return done;
  }

  function unsubscribe(topic: string): void {
    pending.delete(topic);
    broker.unsubscribe(topic);
  }

  return {
    subscribePresence(user) {
      const topic = presenceTopic(user);
      const before = watchers.get(user) ?? 0;
      watchers.set(user, before + 1);
      return before === 0 ? subscribe(topic) : pending.get(topic);
    },
    unsubscribePresence(user) {
      const left = (watchers.get(user) ?? 1) - 1;
      if (left > 0) watchers.set(user, left);
      else {
        watchers.delete(user);
        unsubscribe(presenceTopic(user));
      }
    },
    presenceUsers: () => watchers.keys(),
    presencePending: (user) => pending.get(presenceTopic(user)),
    subscribeInbox: (user) => subscribe(inboxTopic(user)),
    releaseInbox: (user) => unsubscribe(inboxTopic(user)),
  };
}
