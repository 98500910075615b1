import { createInterface } from 'node:readline';
import { MAX_PUBLICATION_ID_LENGTH } from '@carillon/protocol';
import { StartError } from '../server/start-error.ts';
import { type Command, complain, EXIT_FAILED, EXIT_OK, EXIT_USAGE, readArguments } from './command.ts';
import { CONFIG_OPTIONS, readConfig } from './load.ts';
import { parsePosition, type PositionArgument } from './position-argument.ts';
import { publishOverHttp, type Target } from './publish-over-http.ts';
import { configuredUrl, parseServerUrl } from './server-address.ts';

/** Publishes from the command line. */
export const pub: Command = {
  summary: 'publish on a channel',
  help: `Usage: carillon pub CHANNEL JSON|- [options]

Publishes a JSON value on a channel of a running server, with the key in CARILLON_API_KEY, and prints the position that it
got. With - it reads stdin, one JSON value a line, and publishes them in their order, until one is refused; empty lines are
passed over. What the server does not take because it comes too fast is sent again when it says.

  --key KEY              of a map: the key to set
  --del                  of a map: deletes the key; there is no JSON then
  --id ID                idempotency id: the same id publishes once. With - the line's number is appended: ID-1, ID-2, …
  --expect EPOCH:OFFSET  only if this is the top of the channel. With - each line expects the position of the one before
  --url URL              the server; unless given, the one that this configuration makes, such as http://127.0.0.1:8005
  --api-key KEY          instead of CARILLON_API_KEY; others on this machine can see it
  --config FILE          configuration file, instead of carillon.config.ts

Prints {"epoch":…,"offset":…} for each, with "duplicate":true where it had been published before; {} on a signal.
Exits with 0, with 1 where a publication was refused or the server cannot be reached, with 2 where the command line is wrong.
`,
  async run(args) {
    const given = readArguments(args, {
      key: { type: 'string' },
      del: { type: 'boolean', default: false },
      id: { type: 'string' },
      expect: { type: 'string' },
      url: { type: 'string' },
      'api-key': { type: 'string' },
      config: CONFIG_OPTIONS.config,
    });
    if (given === null) return EXIT_USAGE;
    const { values, positionals } = given;
    const [channel, json, ...more] = positionals;
    if (channel === undefined || channel === '' || more.length > 0 || (json === undefined) !== values.del)
      return wrong('pub needs a channel, and a JSON value or - for stdin; with --del no value');
    if (values.del && values.key === undefined) return wrong('--del needs --key');
    if (json !== undefined && json !== '-' && !isJson(json))
      return wrong('the value is not JSON: a text stands in double quotes of its own, such as \'"hello"\'');
    if (values.id !== undefined && (values.id === '' || values.id.length > MAX_PUBLICATION_ID_LENGTH))
      return wrong(`--id must have 1 to ${MAX_PUBLICATION_ID_LENGTH} characters`);
    const expect = values.expect === undefined ? undefined : parsePosition(values.expect);
    if (expect === null) return wrong('--expect must be EPOCH:OFFSET, as pub and sub print it');
    const url = values.url === undefined ? undefined : parseServerUrl(values.url);
    if (url === null) return wrong('--url must be an address such as http://127.0.0.1:8005');

    const loaded = await readConfig({ config: values.config });
    if (loaded === null) return EXIT_FAILED;
    const apiKey = values['api-key'] ?? loaded.config.apiKey;
    if (apiKey === null) {
      complain('CARILLON_API_KEY is not set: pub needs the key of the running server');
      return EXIT_FAILED;
    }
    const target = { server: url ?? configuredUrl(loaded.config), apiKey, channel };
    try {
      return json === '-'
        ? await publishLines(target, values.key, values.id, expect)
        : await publishOne(target, json ?? null, values.key, values.id, expect);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      complain(error.message);
      return EXIT_FAILED;
    }
  },
};

async function publishOne(
  target: Target,
  data: string | null,
  key: string | undefined,
  id: string | undefined,
  expect: PositionArgument | undefined,
): Promise<number> {
  const result = await publishOverHttp(target, { data, key, id, expect });
  if (!result.ok) {
    complain(result.problem);
    return EXIT_FAILED;
  }
  print(result.position, result.duplicate);
  return EXIT_OK;
}

async function publishLines(
  target: Target,
  key: string | undefined,
  id: string | undefined,
  expect: PositionArgument | undefined,
): Promise<number> {
  let number = 0;
  let expected = expect;
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.trim() === '') continue;
    if (!isJson(line)) {
      complain(`line ${number}: not JSON; the lines before it are published`);
      return EXIT_FAILED;
    }
    const result = await publishOverHttp(target, {
      data: line,
      key,
      id: id === undefined ? undefined : `${id}-${number}`,
      expect: expected,
    });
    if (!result.ok) {
      complain(`line ${number}: ${result.problem}; the lines before it are published`);
      return EXIT_FAILED;
    }
    if (expected !== undefined) expected = result.position ?? undefined;
    print(result.position, result.duplicate);
  }
  return EXIT_OK;
}

function print(position: PositionArgument | null, duplicate: boolean): void {
  process.stdout.write(`${JSON.stringify({ ...position, ...(duplicate ? { duplicate } : {}) })}\n`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // That it is none is all there is to know.
    return false;
  }
}

function wrong(line: string): number {
  complain(line);
  return EXIT_USAGE;
}
