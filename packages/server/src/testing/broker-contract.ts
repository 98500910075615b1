import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, NodeMessage } from '../ports/broker.ts';

export type BrokerSubject = {
  readonly broker: Broker;
  /** Resolves when everything that was published has been delivered. */
  settle(): Promise<void>;
  close(): Promise<void>;
};

type Received = { readonly topic: string; readonly message: NodeMessage };

/** What every `Broker` must do. `open` gives a new broker, without subscriptions, for each test. */
export function brokerContract(name: string, open: () => Promise<BrokerSubject>): void {
  describe(`Broker: ${name}`, () => {
    let subject: BrokerSubject;
    let broker: Broker;
    const received: Received[] = [];
    beforeEach(async () => {
      received.length = 0;
      subject = await open();
      broker = subject.broker;
      broker.listen((topic, message) => received.push({ topic, message }));
    });
    afterEach(() => subject.close());

    const roster = (user: string): NodeMessage => ({ kind: 'roster', user });

    it("after subscribing, one's own publications arrive", async () => {
      await broker.subscribe('presence:a');
      await broker.publish('presence:a', roster('a'));
      await subject.settle();
      expect(received).toEqual([{ topic: 'presence:a', message: roster('a') }]);
    });

    it('nothing arrives from topics that were not subscribed, similar as their names may be', async () => {
      await broker.subscribe('presence:a');
      for (const topic of [
        'presence:ab',
        'presence:',
        'presence:A',
        'inbox:a',
        'presence:a*',
        'presence:*',
      ]) {
        await broker.publish(topic, roster(topic));
      }
      await subject.settle();
      expect(received).toEqual([]);
    });

    it('messages of one topic arrive in the order of publishing', async () => {
      await broker.subscribe('inbox:a');
      const sent = Array.from({ length: 100 }, (_, i) => roster(`u${i}`));
      await Promise.all(sent.map(async (message) => broker.publish('inbox:a', message)));
      await subject.settle();
      expect(received.map(({ message }) => message)).toEqual(sent);
    });

    it('messages arrive unaltered, whatever the ids hold', async () => {
      const user = 'auth0|{a}:b/💚"\\ __proto__';
      const message: NodeMessage = {
        kind: 'presence',
        prev: 1_700_000_000_000_001,
        record: {
          user,
          version: 1_700_000_000_000_002,
          s: 'Busy',
          fields: { a: 'x\u2028y', p: '' },
          lastSeenMs: null,
        },
      };
      await broker.subscribe(`presence:${user}`);
      await broker.publish(`presence:${user}`, message);
      await subject.settle();
      expect(received).toEqual([{ topic: `presence:${user}`, message }]);
    });

    it('subscribing twice delivers once', async () => {
      await broker.subscribe('inbox:a');
      await broker.subscribe('inbox:a');
      await broker.publish('inbox:a', roster('a'));
      await subject.settle();
      expect(received).toHaveLength(1);
    });

    it('what is published after a topic was left, and everything is quiet, does not arrive', async () => {
      await broker.subscribe('inbox:a');
      broker.unsubscribe('inbox:a');
      await subject.settle();
      await broker.publish('inbox:a', roster('a'));
      await subject.settle();
      expect(received).toEqual([]);
    });

    it('what the listener publishes itself arrives after the message it is handling, never within', async () => {
      const log: string[] = [];
      broker.listen((_topic, message) => {
        if (message.kind !== 'roster') return;
        log.push(`begin ${message.user}`);
        if (message.user === 'first') {
          void broker.publish('inbox:a', roster('second'));
          void broker.publish('inbox:a', roster('third'));
        }
        log.push(`end ${message.user}`);
      });
      await broker.subscribe('inbox:a');
      await broker.publish('inbox:a', roster('first'));
      await subject.settle();
      expect(log).toEqual([
        'begin first',
        'end first',
        'begin second',
        'end second',
        'begin third',
        'end third',
      ]);
    });
  });
}
