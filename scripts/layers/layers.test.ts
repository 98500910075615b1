import { describe, expect, it } from 'vitest';
import { findViolations } from './find-violations.ts';
import { layers } from './layers.ts';

const check = (files: Record<string, string>): string[] =>
  findViolations(new Map(Object.entries(files)), layers);

/** One planted line in one file, and what must be said of it; `undefined` where nothing may be. */
const planted: [path: string, source: string, said: string | undefined][] = [
  ['protocol/src/json.ts', `import 'node:fs';`, 'protocol imports node:fs'],
  ['protocol/src/json.ts', `import { z } from 'zod';`, 'protocol imports zod'],
  ['protocol/src/json.ts', `import { a } from './shape.ts';`, undefined],
  ['contract/src/index.ts', `import { a } from '@carillon/protocol';`, undefined],
  ['contract/src/index.ts', `import { a } from '@carillon/client';`, 'contract imports client'],
  ['client/src/session.ts', `import { a } from '@carillon/protocol';`, undefined],
  ['client/src/session.ts', `import type { A } from '@carillon/contract';`, undefined],
  [
    'client/src/session.ts',
    `import { a } from '@carillon/contract';`,
    'client imports more than types of contract',
  ],
  ['client/src/session.ts', `import { a } from '@carillon/server';`, 'client imports face'],
  ['client/src/session.ts', `import { a } from 'node:events';`, 'client imports node:events'],
  ['client/src/session.ts', `import { useState } from 'react';`, 'client imports react'],
  ['client/src/react/hook.ts', `import { useState } from 'react';`, undefined],

  ['server/src/core/session/resume.ts', `import { a } from '../../ports/clock.ts';`, undefined],
  ['server/src/core/session/resume.ts', `import { a } from '../../runtime/node.ts';`, 'core imports runtime'],
  [
    'server/src/core/session/resume.ts',
    `import type { A } from '../../runtime/node.ts';`,
    'core imports runtime',
  ],
  [
    'server/src/core/session/resume.ts',
    `type A = import('../../runtime/node.ts').A;`,
    'core imports runtime',
  ],
  ['server/src/core/session/resume.ts', `export * from '../../runtime/node.ts';`, 'core imports runtime'],
  ['server/src/core/session/resume.ts', `await import('../../runtime/node.ts');`, 'core imports runtime'],
  [
    'server/src/core/session/resume.ts',
    `import { randomUUID } from 'node:crypto';`,
    'core imports node:crypto',
  ],
  ['server/src/core/session/resume.ts', `import { z } from 'zod';`, 'core imports zod'],
  ['server/src/ports/clock.ts', `import type { A } from '../core/outbox/frame.ts';`, 'ports imports core'],
  ['server/src/runtime/node.ts', `import { a } from '../core/outbox/frame.ts';`, undefined],
  [
    'server/src/runtime/node.ts',
    `import { a } from '../adapters/memory/log.ts';`,
    'runtime imports adapters',
  ],
  [
    'server/src/runtime/node.ts',
    `import { setTimeout } from 'node:timers/promises';`,
    'runtime imports node:timers',
  ],
  ['server/src/adapters/redis/log.ts', `import { a } from './script.ts';`, undefined],
  ['server/src/adapters/redis/log.ts', `import { createHash } from 'node:crypto';`, undefined],
  [
    'server/src/adapters/redis/log.ts',
    `import { a } from '../sql/log.ts';`,
    'adapters/redis imports adapters/sql',
  ],
  [
    'server/src/adapters/redis/log.ts',
    `import { a } from '../../gateways/sse/gateway.ts';`,
    'adapters imports gateways',
  ],
  [
    'server/src/adapters/redis/log.ts',
    `import { a } from '../../runtime/node.ts';`,
    'adapters imports runtime',
  ],
  ['server/src/gateways/sse/gateway.ts', `import { a } from '../../runtime/node.ts';`, undefined],
  ['server/src/gateways/sse/gateway.ts', `import type { A } from '../../core/outbox/frame.ts';`, undefined],
  [
    'server/src/gateways/sse/gateway.ts',
    `import { a } from '../../core/outbox/frame.ts';`,
    'more than types of core',
  ],
  [
    'server/src/gateways/sse/gateway.ts',
    `import { a } from '../websocket/close.ts';`,
    'gateways/sse imports gateways/websocket',
  ],
  [
    'server/src/gateways/sse/gateway.ts',
    `import { a } from '../../adapters/memory/log.ts';`,
    'gateways imports adapters',
  ],
  ['server/src/auth/jwt.ts', `import { jwtVerify } from 'jose';`, undefined],
  ['server/src/auth/jwt.ts', `import { a } from '../gateways/sse/gateway.ts';`, 'auth imports gateways'],
  ['server/src/ops/metrics.ts', `import { a } from '../auth/jwt.ts';`, 'ops imports auth'],
  ['server/src/features/rooms/rooms.ts', `import { a } from '../../index.ts';`, undefined],
  ['server/src/features/rooms/rooms.ts', `import { a } from '@carillon/server';`, undefined],
  ['server/src/features/rooms/rooms.ts', `import { a } from '../../ports/log.ts';`, 'features imports ports'],
  ['server/src/testing/log-suite.ts', `import { a } from '../runtime/node.ts';`, 'testing imports runtime'],
  ['server/src/testing/kit/test-life.ts', `import { a } from '../../runtime/node.ts';`, undefined],
  [
    'server/src/testing/kit/test-life.ts',
    `import { a } from '../../gateways/websocket/close.ts';`,
    'testing/kit imports gateways',
  ],
  [
    'client/src/testing/line.ts',
    `import { a } from '@carillon/server/testing';`,
    'client/testing imports testing',
  ],
  ['server/src/server.ts', `import { a } from './adapters/memory/log.ts';`, undefined],
  ['server/src/server.ts', `import { a } from './cli/main.ts';`, 'server imports cli'],
  ['server/src/index.ts', `export { a } from './adapters/memory/log.ts';`, 'face imports adapters'],
  ['server/src/config.ts', `import { a } from './config/schema.ts';`, undefined],
  ['server/src/config/schema.ts', `import { a } from '../server.ts';`, 'config imports server'],
  ['server/src/config/schema.ts', `import { a } from '../auth/jwt.ts';`, undefined],
  [
    'server/src/config/schema.ts',
    `import { a } from '../gateways/sse/gateway.ts';`,
    'more than types of gateways',
  ],
  ['server/src/cli/serve.ts', `import { a } from '../server.ts';`, undefined],
  ['server/src/cli/serve.ts', `import { a } from '../runtime/node.ts';`, 'cli imports runtime'],
  ['server/src/util/now.ts', `export const a = 1;`, undefined],
  ['server/src/core/outbox/frame.ts', `import { a } from '../../util/now.ts';`, 'which is in no layer'],

  ['simulator/src/world.ts', `import { a } from '@carillon/server';`, undefined],
  ['simulator/src/world.ts', `import { a } from '@carillon/server/testing';`, undefined],
  ['simulator/src/world.ts', `import { a } from '@carillon/server/src/server.ts';`, 'reaches into a package'],
  [
    'simulator/src/world.ts',
    `import { a } from '../../server/src/server.ts';`,
    'leaves its package by a path',
  ],
  [
    'server/src/server.test.ts',
    `import { a } from '../../client/src/index.ts';`,
    'leaves its package by a path',
  ],
  ['server/src/core/outbox/frame.test.ts', `import { a } from '../../adapters/memory/log.ts';`, undefined],
];

const ambient: [source: string, said: string | undefined][] = [
  ['Date.now()', 'Date.now'],
  ['new Date()', 'Date'],
  ['new Date(ms)', undefined],
  ['Math.random()', 'Math.random'],
  ['Math.max(1, 2)', undefined],
  ['setTimeout(f, 1)', 'setTimeout'],
  ['const timer = { run: setInterval }', 'setInterval'],
  ['performance.now()', 'performance'],
  ['process.env', 'process'],
  ['clock.setTimeout(f, 1)', undefined],
  ['const clock = { setTimeout() {} }', undefined],
  ['const { process } = options; process()', undefined],
  ['type Timer = ReturnType<typeof setTimeout>', undefined],
  ['interface Clock { performance: number }', undefined],
  ['export const f = (process: () => void) => process()', undefined],
];

describe('layers', () => {
  it.each(planted)('%s with %s: %s', (path, source, said) => {
    const violations = check({ [`packages/${path}`]: source });
    if (said === undefined) expect(violations).toEqual([]);
    else expect(violations).toEqual([expect.stringContaining(said)]);
  });

  it.each(ambient)('core with %s: %s', (source, said) => {
    const violations = check({ 'packages/server/src/core/a.ts': source });
    if (said === undefined) expect(violations).toEqual([]);
    else expect(violations).toEqual([expect.stringContaining(`core uses ${said};`)]);
  });

  it('lets everything but core and runtime read the clock', () => {
    expect(check({ 'packages/server/src/adapters/memory/clock.ts': 'Date.now()' })).toEqual([]);
    expect(check({ 'packages/server/src/runtime/node.ts': 'Date.now()' })).toHaveLength(1);
  });

  it('names the line', () => {
    const [violation] = check({ 'packages/protocol/src/a.ts': `// first\nimport 'node:fs';` });
    expect(violation).toMatch(/^packages\/protocol\/src\/a\.ts:2 /);
  });

  it('finds cycles, through package names and types too', () => {
    const violations = check({
      'packages/server/src/a.test.ts': `import './b.test.ts';`,
      'packages/server/src/b.test.ts': `import type { C } from './c.test.ts';`,
      'packages/server/src/c.test.ts': `import './a.test.ts';`,
    });
    expect(violations).toEqual([
      'packages/server/src/a.test.ts:1 is in a cycle: packages/server/src/a.test.ts -> ' +
        'packages/server/src/b.test.ts -> packages/server/src/c.test.ts -> packages/server/src/a.test.ts',
    ]);
  });
});
