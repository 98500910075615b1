import { createReadStream, existsSync } from 'node:fs';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../server/start-error.ts';
import { importIntoStopped, type ImportProgress } from '../server/stopped.ts';
import { type Command, complain, EXIT_FAILED, EXIT_OK, EXIT_USAGE, readArguments } from './command.ts';
import { importOverHttp } from './import-over-http.ts';
import { CONFIG_OPTIONS, readConfig } from './load.ts';
import { createProgressLine } from './progress-line.ts';

/** Imports a whole roster. */
export const importCommand: Command = {
  summary: 'import who follows whom from a file',
  help: `Usage: carillon import FILE|- [options]

Imports lines of \`follower,followee\` (CSV), or of ["follower","followee"] with --ndjson; gzipped or not; - reads stdin.
Without --url it writes to the database of a server that does not run; with --url it sends them to one that does, with
the key in CARILLON_API_KEY. Importing again is harmless.

  --mutual       each line stands for both directions
  --ndjson       one JSON value a line
  --url URL      a running server, such as http://127.0.0.1:8005
  --config FILE  configuration file, instead of carillon.config.ts
`,
  async run(args) {
    const given = readArguments(args, {
      mutual: { type: 'boolean', default: false },
      ndjson: { type: 'boolean', default: false },
      url: { type: 'string' },
      config: CONFIG_OPTIONS.config,
    });
    if (given === null) return EXIT_USAGE;
    const [file, ...more] = given.positionals;
    const { mutual, url } = given.values;
    if (file === undefined || more.length > 0) {
      complain('import needs one file, or - for stdin');
      return EXIT_USAGE;
    }
    if (url !== undefined && !URL.canParse(url)) {
      complain('--url must be an address such as http://127.0.0.1:8005');
      return EXIT_USAGE;
    }
    if (file !== '-' && !existsSync(file)) {
      complain(`${file}: there is no such file`);
      return EXIT_FAILED;
    }
    const loaded = await readConfig({ config: given.values.config });
    if (loaded === null) return EXIT_FAILED;
    const format = given.values.ndjson ? 'ndjson' : 'csv';
    const source: AsyncIterable<Uint8Array> = file === '-' ? process.stdin : createReadStream(file);
    const progress = createProgressLine();
    try {
      const done =
        url === undefined
          ? await importHere(loaded.config, source, { format, mutual }, ({ edges }) =>
              progress.show(`${edges} edges`),
            )
          : await importOverHttp(
              { url: new URL(url), apiKey: loaded.config.apiKey, source, format, mutual },
              (bytes) => progress.show(`${bytes} bytes sent`),
            );
      progress.end();
      process.stdout.write(`${done.edges} edges read, ${done.added} of them new, ${done.users} users new\n`);
      if (done.refused > 0)
        process.stdout.write(
          `${done.refused} edges left out: their followers follow as many as limits.followsPerUser allows\n`,
        );
      return EXIT_OK;
    } catch (error) {
      progress.end();
      if (!(error instanceof StartError)) throw error;
      complain(error.message);
      return EXIT_FAILED;
    }
  },
};

function importHere(
  config: ServerConfig,
  source: AsyncIterable<Uint8Array>,
  { format, mutual }: { readonly format: 'csv' | 'ndjson'; readonly mutual: boolean },
  onProgress: (progress: ImportProgress) => void,
): Promise<ImportProgress> {
  if (config.node.followsOf !== null) {
    throw new StartError(
      'presence.followsOf: the roster comes from the hook, so there is nothing to import into',
    );
  }
  // A file of one's own needs no bound: it is read in pieces, whatever its size.
  return importIntoStopped(
    config.database,
    source,
    { format, mutual, maxBytes: Number.MAX_SAFE_INTEGER, followsPerUser: config.node.followsPerUser },
    onProgress,
  );
}
