import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { carillon, newFolder, type Run, SECRET } from './run-cli.ts';

/** An app that tells what it was asked, and what it was told. It ends where its channel does, as --app asks of it. */
const APP = `
import { createServer } from 'node:http';
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { CARILLON_URL, CARILLON_API_KEY, CARILLON_JWT_SECRET } = process.env;
  response.writeHead(request.url.startsWith('/teapot') ? 418 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({
    pid: process.pid, method: request.method, url: request.url, authorization: request.headers.authorization, body,
    CARILLON_URL, CARILLON_API_KEY, CARILLON_JWT_SECRET, port: server.address().port,
  }));
});
server.listen(0, '127.0.0.1', () => process.send({ url: 'http://127.0.0.1:' + server.address().port }));
process.on('disconnect', () => process.exit());
`;

type Told = Readonly<Record<string, string>> & { readonly pid: number; readonly port: number };

async function devWithApp(env: Readonly<Record<string, string>> = {}) {
  const cwd = newFolder();
  writeFileSync(join(cwd, 'app.mjs'), APP);
  const run = carillon(['dev', '--app', 'app.mjs'], { cwd, env: { PORT: '0', ...env } });
  const [, url = ''] = await run.says(/^Carillon is at (\S+)$/m);
  const ask = async (path: string, init?: RequestInit): Promise<{ status: number; body: Told }> => {
    const response = await fetch(url + path, init);
    return { status: response.status, body: (await response.json()) as Told };
  };
  return { run, url, ask };
}

async function stop(run: Run): Promise<void> {
  run.child.kill('SIGTERM');
  expect(await run.ended).toEqual({ code: 0, signal: null });
}

/** Resolves when the process that holds the other end of a connection is gone. */
async function lineTo(port: number): Promise<{ readonly cut: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { cut: once(socket, 'close') };
}

describe('carillon dev --app', () => {
  it('hands requests under /app/ to the app, as they are but for the prefix; tells it, and nobody else, what opens the server', async () => {
    const { run, url, ask } = await devWithApp({ CARILLON_JWT_SECRET: SECRET });
    const headers = { authorization: 'Bearer of-somebody', 'content-type': 'text/plain' };
    const post = await ask('/app/tasks/a%2Fb?x=1&y=%20', { method: 'POST', headers, body: 'Zoë 🔔' });
    expect(post).toMatchObject({
      status: 200,
      body: {
        method: 'POST',
        url: '/tasks/a%2Fb?x=1&y=%20',
        authorization: 'Bearer of-somebody',
        body: 'Zoë 🔔',
      },
    });
    const { status, body } = await ask('/app/teapot');
    expect(status).toBe(418);
    expect(body).toMatchObject({ method: 'GET', CARILLON_URL: url, CARILLON_JWT_SECRET: SECRET });

    const withKey = { headers: { authorization: `Bearer ${body['CARILLON_API_KEY']}` } };
    expect((await ask('/v1/users/alice/follows', withKey)).status).toBe(200);
    expect((await ask('/v1/users/alice/follows')).status).toBe(401);

    const rebound = request(`${url}/app/tasks`, { headers: { host: 'rebound.example' } }).end();
    const [response] = (await once(rebound, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(403);
    await stop(run);
    expect(run.stdout() + run.stderr()).not.toContain(body['CARILLON_API_KEY']);
  });

  it('starts an app again that was killed; meanwhile it is unavailable', async () => {
    const { run, ask } = await devWithApp();
    const { body } = await ask('/app/');
    process.kill(body.pid, 'SIGKILL');
    await run.says(/app_ended/);
    expect(await ask('/app/')).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } });
    await expect.poll(async () => (await ask('/app/')).status, { timeout: 15_000 }).toBe(200);
    expect((await ask('/app/')).body.pid).not.toBe(body.pid);
    await stop(run);
  });

  it('ends the app with itself, killed or asked to', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const { run, ask } = await devWithApp();
      const line = await lineTo((await ask('/app/')).body.port);
      run.child.kill(signal);
      await Promise.all([line.cut, run.ended]);
    }
  });

  it('does not start without an app that starts', async () => {
    const run = carillon(['dev', '--app', 'none.mjs'], { cwd: newFolder(), env: { PORT: '0' } });
    expect((await run.ended).code).toBe(1);
    expect(run.stderr()).toContain('--app none.mjs: it did not say where it listens');
    expect(run.stdout()).toBe('');
  });
});
