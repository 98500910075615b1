import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineContract, type EmptyContract } from '@carillon/contract';
import { createServer, type ServerOptions, StartError } from '@carillon/server';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-library-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const contract = defineContract({});
const config = (more: ServerOptions<EmptyContract> = {}): ServerOptions<EmptyContract> => ({
  port: 0,
  databaseUrl: `sqlite:${join(folder, 'x.sqlite')}`,
  auth: { authenticate: ({ token }) => ({ user: token }) },
  logging: { level: 'silent' },
  ...more,
});

describe("a server in one's own process", () => {
  it('listens where it says, serves its node, and closes once however often it is told', async () => {
    const server = await createServer(contract, config());
    expect(server.address).toBeNull();
    const { url, port } = await server.listen();
    expect(server.address).toMatchObject({ url, port });
    expect(await server.node.createUser('alice')).toEqual({ ok: true, value: { created: true } });
    expect(await (await fetch(`${url}/ready`)).json()).toMatchObject({ ready: true });
    await Promise.all([server.close(0), server.close(0)]);
    await server.close();
    expect(server.address).toBeNull();
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  it('leaves its database to the next', async () => {
    const first = await createServer(contract, config());
    await expect(createServer(contract, config())).rejects.toThrow(/another process uses/);
    await first.close();
    const second = await createServer(contract, config());
    await second.close();
  });

  it('one that cannot have its port lets go of its database', async () => {
    const first = await createServer(contract, config());
    const { port } = await first.listen();
    const elsewhere = { databaseUrl: `sqlite:${join(folder, 'y.sqlite')}` };
    const second = await createServer(contract, config({ ...elsewhere, port }));
    await expect(second.listen()).rejects.toThrow(StartError);
    const third = await createServer(contract, config(elsewhere));
    await third.close();
    await first.close(0);
  });

  it.each([
    ['nobody who may log in', { auth: undefined }, /nothing says who may log in/],
    ['a setting that there is not', { prot: 1 }, /there is no setting "prot"/],
    ['a wrong value', { port: -1 }, /port must be/],
  ])('%s is a StartError of one line', async (_name, wrong, line) => {
    const started = createServer(contract, { ...config(), ...wrong });
    await expect(started).rejects.toThrow(StartError);
    await expect(started).rejects.toThrow(line);
  });
});
