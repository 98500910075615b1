import { describe, expect, it } from 'vitest';
import { shellScene, told } from './shell-scene.ts';

const scene = shellScene();
const { makeClient, connect } = scene;

describe('setStatus', () => {
  it('sends the wire names and resolves with the ok', async () => {
    const client = makeClient();
    const { peer } = await connect(client);
    const done = client.setStatus({ status: 'Busy', a: 'Review' });
    const text = await peer.next();
    expect(text).toMatch(/^\{"t":"statusUpdate","s":"Busy","a":"Review","i":\d+\}$/);
    peer.send(`{"t":"ok","i":${(JSON.parse(text) as { i: number }).i}}`);
    await done;
    expect(client.own).toEqual({ status: 'Busy', a: 'Review' });
  });

  it('rejects with the code of the server, which need not be caught', async () => {
    const client = makeClient();
    const { peer } = await connect(client);
    const caught = client.setStatus({ a: 'x' });
    void client.setStatus({ status: 'Sleepy' as 'Busy' });
    void client.setStatus({ z: 'x' } as object);
    const { i } = JSON.parse(await peer.next()) as { i: number };
    peer.send(`{"t":"err","code":"bad_message","m":"a: expected at most 128 characters","i":${i}}`);
    await expect(caught).rejects.toMatchObject({ name: 'CarillonError', code: 'bad_message' });
  });

  it('refuses what can never be taken, before it is sent', async () => {
    const client = makeClient();
    const wrong = [
      { status: 'Sleepy' },
      { mood: 'x' },
      { a: 1 },
      { a: 'x'.repeat(129) },
      { toString: 'x' },
    ] as object[];
    for (const change of wrong) {
      await expect(client.setStatus(change)).rejects.toMatchObject({ code: 'bad_message' });
    }
    expect(client.own).toEqual({});
    await client.setStatus({});
    await client.setStatus({ a: undefined } as object);
  });

  it('takes values as long as the server is said to take', async () => {
    const client = makeClient({ fieldLengths: { a: 1024, p: 8 } });
    const { peer } = await connect(client);
    await expect(client.setStatus({ p: 'x'.repeat(9) })).rejects.toMatchObject({
      code: 'bad_message',
      retry: false,
    });
    void client.setStatus({ a: 'x'.repeat(1024), p: 'x'.repeat(8) });
    expect(await peer.next()).toContain('statusUpdate');
  });

  it('called when the client has stopped, rejects at once', async () => {
    const client = makeClient();
    const { peer } = await connect(client);
    const stopped = told(client, (change) => change.status === 'disconnected');
    peer.close(4203);
    await stopped;
    await expect(client.setStatus({ a: 'x' })).rejects.toMatchObject({
      code: 'version_unsupported',
      retry: false,
    });
  });

  it('called while disconnected, goes with the login, the newest value of each field', async () => {
    const client = makeClient();
    const first = client.setStatus({ status: 'Away', a: 'one' });
    expect(client.setStatus({ a: 'two' })).toBe(first);
    const { login } = await connect(client);
    expect(JSON.parse(login)).toMatchObject({ s: 'Away', a: 'two' });
    await first;
  });

  it('that waits when the client is stopped rejects with the reason', async () => {
    const client = makeClient();
    const { peer } = await connect(client);
    const waiting = client.setStatus({ a: 'x' });
    peer.close(4206);
    await expect(waiting).rejects.toMatchObject({ code: 'user_erased' });
  });
});
