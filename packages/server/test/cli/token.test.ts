import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { newFolder, result, SECRET } from './run-cli.ts';

describe('carillon token', () => {
  it('prints a JWT signed with CARILLON_JWT_SECRET and nothing else', async () => {
    const { code, stdout, stderr } = await result(['token', '--user', 'auth0|1', '--ttl', '90m'], {
      cwd: newFolder(),
      env: { CARILLON_JWT_SECRET: SECRET },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { payload } = await jwtVerify(stdout.trim(), new TextEncoder().encode(SECRET), {
      algorithms: ['HS256'],
    });
    expect(payload.sub).toBe('auth0|1');
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(90 * 60);
  });

  it('is good for an hour unless told otherwise, and carries the issuer and audience that the server wants', async () => {
    const env = {
      CARILLON_JWT_SECRET: SECRET,
      CARILLON_JWT_ISSUER: 'https://id.example',
      CARILLON_JWT_AUDIENCE: 'app',
    };
    const { stdout } = await result(['token', '--user', 'alice'], { cwd: newFolder(), env });
    const { payload } = await jwtVerify(stdout.trim(), new TextEncoder().encode(SECRET), {
      issuer: 'https://id.example',
      audience: 'app',
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
  });

  it.each([
    ['no user', ['token'], { CARILLON_JWT_SECRET: SECRET }, 2, /--user/],
    [
      'a user with a control character',
      ['token', '--user', 'a\u0007'],
      { CARILLON_JWT_SECRET: SECRET },
      2,
      /--user/,
    ],
    [
      'a ttl that is none',
      ['token', '--user', 'a', '--ttl', 'soon'],
      { CARILLON_JWT_SECRET: SECRET },
      2,
      /--ttl/,
    ],
    [
      'a ttl of nothing',
      ['token', '--user', 'a', '--ttl', '0s'],
      { CARILLON_JWT_SECRET: SECRET },
      2,
      /--ttl/,
    ],
    ['an option that there is not', ['token', '--usr', 'a'], { CARILLON_JWT_SECRET: SECRET }, 2, /--usr/],
    ['a user without a flag', ['token', 'alice'], { CARILLON_JWT_SECRET: SECRET }, 2, /--user/],
    ['no secret', ['token', '--user', 'a'], {}, 1, /CARILLON_JWT_SECRET is not set/],
    [
      'keys of somebody else',
      ['token', '--user', 'a'],
      { CARILLON_JWKS_URL: 'https://id.example/k' },
      1,
      /CARILLON_JWT_SECRET is not set/,
    ],
    [
      'a secret that is too short',
      ['token', '--user', 'a'],
      { CARILLON_JWT_SECRET: 'short' },
      1,
      /CARILLON_JWT_SECRET has 5 bytes/,
    ],
  ])('%s: one line on stderr, nothing on stdout', async (_name, args, env, code, line) => {
    const ended = await result(args, { cwd: newFolder(), env });
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' });
    expect(ended.stderr).toMatch(line);
    expect(ended.stderr.match(/\n/g)).toHaveLength(1);
  });
});

describe('carillon', () => {
  it(
    'helps: alone, with --help, and for each command',
    async () => {
      const cwd = newFolder();
      const all = await result(['--help'], { cwd });
      expect(all).toMatchObject({ code: 0, stderr: '' });
      expect((await result([], { cwd })).code).toBe(2);
      for (const command of ['dev', 'serve', 'token', 'pub', 'sub', 'import', 'doctor']) {
        expect(all.stdout).toContain(`  ${command} `);
        const { code, stdout, stderr } = await result([command, '--help'], { cwd });
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(stdout).toContain(`Usage: carillon ${command}`);
      }
    },
    60_000 /* nine processes, one after the other */,
  );

  it('says of commands that are still to come, and of those that never were, that they are not there', async () => {
    const cwd = newFolder();
    expect(await result(['bench'], { cwd })).toEqual({
      code: 2,
      stdout: '',
      stderr: 'carillon: bench is not in this version\n',
    });
    expect(await result(['frobnicate'], { cwd })).toEqual({
      code: 2,
      stdout: '',
      stderr: 'carillon: there is no command "frobnicate"; carillon --help lists them\n',
    });
  });
});
