import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { API_KEY, carillon, newFolder, result, SECRET } from './run-cli.ts';

const env = { PORT: '0', CARILLON_JWT_SECRET: SECRET, CARILLON_API_KEY: API_KEY };

async function serve(cwd: string) {
  const run = carillon(['serve'], { cwd, env });
  const [, url = ''] = await run.says(/"url":"([^"]+)"/);
  const follows = async (user: string): Promise<unknown> =>
    (
      await fetch(`${url}/v1/users/${user}/follows`, { headers: { authorization: `Bearer ${API_KEY}` } })
    ).json();
  return { run, url, follows };
}

describe('carillon import', () => {
  it('writes to the database of a server that does not run', async () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, 'edges.csv.gz'), gzipSync('follower,followee\nalice,bob\nbob,carol\n'));
    const first = await result(['import', 'edges.csv.gz', '--mutual'], { cwd });
    expect(first).toMatchObject({ code: 0, stdout: '4 edges read, 4 of them new, 3 users new\n' });
    expect(first.stderr).toContain('4 edges');
    expect(await result(['import', 'edges.csv.gz', '--mutual'], { cwd })).toMatchObject({
      code: 0,
      stdout: '4 edges read, 0 of them new, 0 users new\n',
    });
    const { follows } = await serve(cwd);
    expect(await follows('bob')).toEqual({ follows: expect.arrayContaining(['alice', 'carol']) });
  });

  it('says how many edges go beyond the limit of follows', async () => {
    const cwd = newFolder();
    const limited = { ...env, CARILLON_LIMITS_FOLLOWS_PER_USER: '1' };
    expect(await result(['import', '-'], { cwd, env: limited, stdin: 'a,b\na,c\na,d\n' })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^3 edges read, 1 of them new, 2 users new\n2 edges left out: /),
    });
  });

  it('reads stdin, and sends it to a server that runs', async () => {
    const cwd = newFolder();
    const { url, follows } = await serve(cwd);
    const sent = await result(['import', '-', '--url', url, '--ndjson'], {
      cwd,
      env,
      stdin: '["alice","bob"]\n',
    });
    expect(sent).toMatchObject({ code: 0, stdout: '1 edges read, 1 of them new, 2 users new\n' });
    expect(sent.stderr).toContain('bytes sent');
    expect(await follows('alice')).toEqual({ follows: ['bob'] });
  });

  it('does not write behind the back of a server that runs', async () => {
    const cwd = newFolder();
    await serve(cwd);
    const { code, stderr } = await result(['import', '-'], { cwd, stdin: 'alice,bob\n' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/another process uses/);
  });

  it.each([
    ['no file', ['import'], {}, 2, /needs one file/],
    ['two files', ['import', 'a', 'b'], {}, 2, /needs one file/],
    ['a file that is not there', ['import', 'none.csv'], {}, 1, /none\.csv: there is no such file/],
    ['a folder', ['import', '.'], {}, 1, /line 1/],
    ['an address that is none', ['import', '-', '--url', 'nowhere'], {}, 2, /--url/],
    [
      'an address without a key',
      ['import', '-', '--url', 'http://127.0.0.1:1'],
      {},
      1,
      /CARILLON_API_KEY is not set/,
    ],
    [
      'an address where nothing is',
      ['import', '-', '--url', 'http://127.0.0.1:1'],
      { CARILLON_API_KEY: API_KEY },
      1,
      /127\.0\.0\.1:1/,
    ],
  ])('%s: one line, and nothing on stdout', async (_name, args, given, code, line) => {
    const ended = await result(args, { cwd: newFolder(), env: given, stdin: '' });
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' });
    expect(ended.stderr).toMatch(line);
    expect(ended.stderr.match(/\n/g)).toHaveLength(1);
  });

  it('a wrong line is named, here and over HTTP', async () => {
    const here = await result(['import', '-'], { cwd: newFolder(), stdin: 'a,b\nc\n' });
    expect(here).toMatchObject({ code: 1, stdout: '' });
    expect(here.stderr).toMatch(/carillon: line 2: expected two ids.*\n$/);
    const cwd = newFolder();
    const { url } = await serve(cwd);
    const there = await result(['import', '-', '--url', url], { cwd, env, stdin: 'a,b\nc\n' });
    expect(there).toMatchObject({ code: 1, stdout: '' });
    expect(there.stderr).toMatch(/answered 400: line 2: expected two ids/);
  });
});
