import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSubscriptions } from '../../src/adapters/redis/subscriptions.ts';
import { linkDeps, redisSettings } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';

describe('subscriptions', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('a channel that is let go of, lost with its line and taken again in one turn is subscribed', async () => {
    const events: string[] = [];
    let settled = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<void>();
    const subscriptions = createSubscriptions(redisSettings(server.port), linkDeps(), {
      onMessage(channel, text) {
        events.push(`${channel}: ${text}`);
        heard.resolve();
      },
      onUnsettled() {
        events.push('unsettled');
        settled = Promise.withResolvers();
      },
      onSettled() {
        events.push('settled');
        settled.resolve();
      },
    });
    await subscriptions.lines.open();
    await subscriptions.add('a');
    subscriptions.remove('a');
    for (const line of [...subscriptions.lines.all()]) line.close('on purpose');
    await expect(subscriptions.add('a')).rejects.toMatchObject({ code: 'unavailable' });
    await settled.promise;
    await server.run('SPUBLISH', 'a', 'hello');
    await heard.promise;
    expect(events).toEqual(['settled', 'unsettled', 'settled', 'a: hello']);
    subscriptions.lines.close();
  });
});
