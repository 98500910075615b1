import { hunt } from './hunt.ts';
import { isMutationName } from './mutations.ts';

/** Hunts one bug, named on the command line, and writes what was found as JSON. */
const name = process.argv[2] ?? '';
if (!isMutationName(name)) throw new Error(`there is no mutation ${name}`);
process.stdout.write(`${JSON.stringify(await hunt(name))}\n`);
