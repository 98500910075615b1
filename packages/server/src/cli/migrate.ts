import { databaseName } from '../config/database.ts';
import { migrateDatabase } from '../server/migration.ts';
import { makeOutbox, outboxSql } from '../server/outbox-migration.ts';
import { StartError } from '../server/start-error.ts';
import { type Command, complain, EXIT_FAILED, EXIT_OK, EXIT_USAGE, readArguments } from './command.ts';
import { CONFIG_OPTIONS, readConfig } from './load.ts';

/** Brings the database's schema up to date. */
export const migrateCommand: Command = {
  summary: 'bring the schema of the database up to date',
  help: `Usage: carillon migrate [--outbox | --print-outbox] [--config FILE]

Brings the schema of the configured database up to date and says what it did. \`carillon serve\` does so too at its start; this
is for a step of its own in a deployment. Run by several nodes at once, one does it and the others wait. Nodes of the version
before go on with the new schema.

  --outbox        make the outbox table in the app's own Postgres instead (feeds.outbox); does nothing where it is there
  --print-outbox  print the SQL that makes it, for a migration of the app's own
  --config FILE   configuration file, instead of carillon.config.ts
`,
  async run(args) {
    const given = readArguments(args, {
      config: CONFIG_OPTIONS.config,
      outbox: { type: 'boolean' },
      'print-outbox': { type: 'boolean' },
    });
    if (given === null) return EXIT_USAGE;
    const loaded = await readConfig({ config: given.values.config });
    if (loaded === null) return EXIT_FAILED;
    const {
      database,
      feeds: { outbox, outboxTable },
    } = loaded.config;
    if (given.values['print-outbox'] === true) {
      process.stdout.write(outboxSql(outboxTable));
      return EXIT_OK;
    }
    try {
      if (given.values.outbox === true) {
        if (outbox === null) {
          complain('CARILLON_OUTBOX_URL is not set: it names the Postgres of the app');
          return EXIT_FAILED;
        }
        const { where, made } = await makeOutbox(outbox);
        process.stdout.write(made ? `made ${where}\n` : `${where} is there\n`);
        return EXIT_OK;
      }
      const { from, to, applied } = await migrateDatabase(database);
      const name = databaseName(database);
      for (const migration of applied) process.stdout.write(`applied ${migration}\n`);
      process.stdout.write(
        from === to
          ? `${name} is up to date: schema version ${to}\n`
          : `${name}: schema version ${to}, it was ${from}\n`,
      );
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      complain(error.message);
      return EXIT_FAILED;
    }
  },
};
