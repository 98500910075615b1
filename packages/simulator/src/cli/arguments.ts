import { parseArgs } from 'node:util';
import { type MutationName, isMutationName, mutations } from '../mutations/mutations.ts';

export type Arguments = {
  /** The seeds to run, by number. */
  readonly seeds: readonly string[];
  /** Prints everything that passes the wire. */
  readonly trace: boolean;
  /** Runs with streams and maps, instead of those about presence alone. */
  readonly channels: boolean;
  /** Runs with several nodes over one store. */
  readonly cluster: boolean;
  readonly mutation: MutationName | null;
};

export const USAGE = `npm run simulate -- [--seeds N] [--from S] [--seed S] [--channels | --cluster] [--trace] [--mutation NAME]

  --seeds N      how many seeds to run (1000)
  --from S       the first of them (1)
  --seed S       only this one
  --channels     runs with streams and maps, instead of those about presence alone
  --cluster      runs with several nodes over one store
  --trace        prints what passes the wire and what happens
  --mutation M   with a bug put in: ${Object.keys(mutations).join(', ')}
`;

const DEFAULT_SEEDS = 1_000;

/** @returns what is wrong with them, as a text */
export function readArguments(args: readonly string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        cluster: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        channels: { type: 'boolean', default: false },
        mutation: { type: 'string' },
      },
    });
    const count = wholeNumber(values.seeds, DEFAULT_SEEDS);
    const from = wholeNumber(values.from, 1);
    if (count === undefined || from === undefined) return '--seeds and --from are whole numbers from 1';
    const { mutation } = values;
    if (mutation !== undefined && !isMutationName(mutation)) return `there is no mutation ${mutation}`;
    const seeds =
      values.seed === undefined ? Array.from({ length: count }, (_, i) => String(from + i)) : [values.seed];
    return {
      seeds,
      trace: values.trace,
      channels: values.channels,
      cluster: values.cluster,
      mutation: mutation ?? null,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function wholeNumber(text: string | undefined, otherwise: number): number | undefined {
  const number = text === undefined ? otherwise : Number(text);
  return Number.isSafeInteger(number) && number >= 1 ? number : undefined;
}
