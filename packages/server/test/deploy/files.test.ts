import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../src/runtime/node-options.ts';
import { DEPLOY_FOLDER } from './balancer.ts';

const SERVER_PACKAGE = new URL('../../package.json', import.meta.url);

const read = (file: string): string => readFileSync(join(DEPLOY_FOLDER, file), 'utf8');

/** When the server itself ends a client that says nothing: two heartbeats missed, and the half that the last has to come in. */
const SILENT_S = (DEFAULT_SETTINGS.heartbeatMs * 2.5) / 1000;

describe('what is shipped', () => {
  it.each([
    ['nginx/carillon.conf', ['proxy_read_timeout', 'proxy_send_timeout', 'send_timeout']],
    ['haproxy/haproxy.cfg', ['timeout tunnel', 'timeout client', 'timeout server']],
  ])('%s waits for longer than the server does', (file, names) => {
    for (const name of names) {
      const [, seconds] = new RegExp(`^ +${name} (\\d+)s;?$`, 'm').exec(read(file)) ?? [];
      expect([name, Number(seconds) > SILENT_S]).toEqual([name, true]);
    }
  });

  it('brings the drivers in the versions that are tested', () => {
    const { devDependencies } = JSON.parse(readFileSync(SERVER_PACKAGE, 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    const image = read('docker/Dockerfile');
    for (const driver of ['@redis/client', 'pg'])
      expect(image).toContain(` ${driver}@${devDependencies[driver]}`);
  });
});
