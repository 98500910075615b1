import { call, defineContract, document, signal, stream } from '@carillon/contract';
import { createServer, defineConfig, StartError } from '@carillon/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { resolveConfig } from '../../src/config.ts';
import { optionsIn, temporaryFolder } from './app-under-test.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const contract = defineContract({
  presence: { a: 128, mood: 16 },
  channels: { 'chat:{room}': stream({ data: z.string() }), 'cursor:{doc}': signal({ data: z.number() }) },
  calls: { ping: call({ input: z.undefined(), output: z.string() }) },
});
const calls = { ping: () => 'pong' };

/** As somebody might write it in JavaScript, where nothing stops them. */
function start(given: unknown, options: object): Promise<unknown> {
  return createServer(given as never, { ...optionsIn(folder.path), ...options } as never);
}

describe('a server does not start, and says in one line why', () => {
  it.each<[string, unknown, object, RegExp]>([
    [
      'with a rule for a pattern that there is not',
      contract,
      { calls, authorize: { 'chat:{id}': () => true } },
      /^authorize has a rule for "chat:\{id\}", which the contract does not declare; it has chat:\{room\}, cursor:\{doc\} \(/,
    ],
    [
      'with a gateway to what is no document',
      contract,
      { calls, gateways: { yjs: { channel: 'chat:{room}' } } },
      /^gateways\.yjs\.channel is no document of the contract \(which has none\)/,
    ],
    [
      'with a gateway to a document that has not the one parameter which a name stands for',
      defineContract({ channels: { 'page:{org}/{id}': document(), 'doc:{id}': document() } }),
      { gateways: { hocuspocus: { channel: 'page:{org}/{id}' } } },
      /^gateways\.hocuspocus\.channel has 2 parameters: a name can stand for one only/,
    ],
    [
      'with a rule that is none',
      contract,
      { calls, authorize: { 'chat:{room}': true } },
      /^authorize\.chat:\{room\} is not a function/,
    ],
    [
      'with a rule for what lies beside a document',
      defineContract({
        channels: {
          'doc:{id}': document(),
          'notes:{id}': stream({ data: z.string(), beside: 'doc:{id}' }),
        },
      }),
      { authorize: { 'doc:{id}': () => 'write', 'notes:{id}': () => true } },
      /^authorize has a rule for "notes:\{id\}", which lies beside "doc:\{id\}": the roles there are its rights/,
    ],
    ['without a handler', contract, {}, /^calls has no handler for "ping", which the contract declares/],
    [
      'with a handler for a call that there is not',
      contract,
      { calls: { ...calls, pong: () => 'ping' } },
      /^calls has a handler for "pong", which the contract does not declare; it has ping/,
    ],
    ['with a handler that is none', contract, { calls: { ping: 'pong' } }, /^calls\.ping is not a function/],
    [
      'with rules, where the contract has no channels',
      defineContract({}),
      { authorize: { lobby: () => true } },
      /^authorize has a rule for "lobby", and the contract declares none/,
    ],
    [
      'with other presence fields than the contract',
      contract,
      { calls, presence: { fields: { a: { maxLength: 128 } } } },
      /^presence\.fields differ from those of the contract \(a, mood\): remove them here/,
    ],
    [
      'with another length of a presence field',
      contract,
      { calls, presence: { fields: { a: { maxLength: 128 }, mood: { maxLength: 17 } } } },
      /^presence\.fields differ from those of the contract/,
    ],
    [
      'with an audience for a field that the contract does not have',
      contract,
      { calls, presence: { audience: { p: 'close' } } },
      /^presence\.audience names "p", which is none of status, lastSeen, a, mood/,
    ],
    [
      'with a presence field of a name that the protocol uses',
      defineContract({ presence: { token: 8 } }),
      {},
      /^contract is refused: presence field "token": the protocol uses this name/,
    ],
    [
      'with a contract that nobody checked',
      {
        ...contract,
        channels: { 'a:{x}': stream({ data: z.string() }), '{y}:b': stream({ data: z.string() }) },
      },
      { calls },
      /^contract is refused: channels\["\{y\}:b"\]: overlaps "a:\{x\}"/,
    ],
    ['with something that is no contract', 'contract', {}, /^contract is none: defineContract makes one/],
    ['without a contract', null, {}, /^contract is none: defineContract makes one/],
  ])('%s', async (_title, given, options, line) => {
    const started = start(given, options);
    await expect(started).rejects.toThrow(StartError);
    await expect(started).rejects.toThrow(line);
    await expect(started).rejects.not.toThrow(/\n/);
  });

  it('nothing is left behind: the next may have its database', async () => {
    await expect(start(contract, {})).rejects.toThrow(StartError);
    const server = await createServer(contract, { ...optionsIn(folder.path), calls });
    await server.close(0);
  });
});

describe('a server has the presence fields', () => {
  const fieldsOf = (config: unknown): unknown => {
    const resolved = resolveConfig(config, folder.path);
    return resolved.ok ? resolved.config.node.fields : resolved.problem;
  };
  const declared = [
    { name: 'a', maxLength: 128 },
    { name: 'mood', maxLength: 16 },
  ];

  it('of its contract, also where the configuration says the same', () => {
    expect(fieldsOf(defineConfig({ contract, calls }))).toEqual(declared);
    const same = { mood: { maxLength: 16 }, a: { maxLength: 128 } };
    expect(fieldsOf(defineConfig({ contract, calls, presence: { fields: same } }))).toEqual(declared);
  });

  it('of its configuration, where there is no contract', () => {
    expect(fieldsOf(defineConfig({ presence: { fields: { mood: { maxLength: 9 } } } }))).toEqual([
      { name: 'mood', maxLength: 9 },
    ]);
  });

  it('and audiences for them', () => {
    expect(fieldsOf(defineConfig({ contract, calls, presence: { audience: { mood: 'close' } } }))).toEqual(
      declared,
    );
  });
});
