/** Starts a server where the packages of documents are not installed, and says what became of it. Run by without-yjs.test.ts. */
import { registerHooks } from 'node:module';

/** What who has no documents need not have installed. */
const OPTIONAL = /^(?:yjs|lib0|y-protocols)(?:\/|$)/;

// As Node says it where a package is not there.
registerHooks({
  resolve(specifier, context, next) {
    if (OPTIONAL.test(specifier))
      throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(specifier, context);
  },
});

const { defineContract, document } = await import('@carillon/contract');
const { createServer } = await import('../../src/index.ts');

const [, , wanted, database] = process.argv;
const channels = wanted === 'documents' ? { 'doc:{id}': document({ durability: 'memory' }) } : {};
try {
  const server = await createServer(defineContract({ channels }), {
    auth: { authenticate: () => null },
    databaseUrl: `sqlite:${database}`,
    logging: { level: 'silent' },
  });
  await server.close();
  process.stdout.write('started');
} catch (error) {
  process.stdout.write(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}
