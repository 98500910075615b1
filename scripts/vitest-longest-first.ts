import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BaseSequencer, type TestSpecification, type Vitest } from 'vitest/node';

/**
 * The files that take longest, the longest first: more than half a minute each on two cores. Begun late, the last of them
 * would be waited for by every other worker. Those that wait for real time to pass, as the faults do, stand beside those that
 * compute, so that the machine is neither idle nor crowded at first.
 */
const LONGEST: readonly string[] = [
  'packages/server/test/faults/cluster/redis.test.ts',
  'packages/simulator/test/mutations.test.ts',
  'examples/studio/test/studio.e2e.test.ts',
  'packages/server/test/deploy/balancers.test.ts',
  'packages/simulator/test/cluster-seeds.test.ts',
  'packages/server/test/cli/workers/serve-workers.test.ts',
  'packages/server/test/faults/cluster/nodes.test.ts',
  'packages/simulator/test/channel-seeds.test.ts',
  'packages/server/test/wire/fuzz.test.ts',
  'packages/simulator/test/seeds.test.ts',
  'examples/with-frameworks/test/pages.test.ts',
  'packages/simulator/test/pairs.test.ts',
];

/** Runs the longest files first. What was measured in an earlier run is not known on a machine that just has a checkout. */
export class LongestFirst extends BaseSequencer {
  readonly #places: ReadonlyMap<string, number>;

  /** @throws Error where a file was renamed and stands here still under its old name */
  constructor(vitest: Vitest) {
    super(vitest);
    const gone = LONGEST.find((file) => !existsSync(join(vitest.config.root, file)));
    if (gone !== undefined)
      throw new Error(`${gone} is named in scripts/vitest-longest-first.ts and is not there`);
    this.#places = new Map(LONGEST.map((file, place) => [join(vitest.config.root, file), place]));
  }

  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => this.#places.get(moduleId) ?? LONGEST.length;
    return (await super.sort(files)).toSorted((one, other) => place(one) - place(other));
  }
}
