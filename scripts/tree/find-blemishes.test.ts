import { describe, expect, it } from 'vitest';
import { findBlemishes } from './find-blemishes.ts';

// Put together here, so that this file itself holds none.
const home = ['', 'root', 'carillon'].join('/');
const registry = `https://${'registry'}.example.org/`;
const later = 'TO' + 'DO';

describe('what must not be in the repository', () => {
  it.each([
    ['README.md', `cd ${home}`],
    ['package-lock.json', `  "resolved${'": "'}${registry}ws.tgz"`],
    ['.npmrc', `registry${'='}${registry}`],
    ['packages/server/src/a.ts', `// ${later}: later`],
    ['packages/server/src/utils.ts', ''],
    ['packages/server/src/helpers/time.ts', ''],
    ['packages/server/src/core/presence/index.ts', ''],
  ])('%s with %s', (path, text) => {
    expect(findBlemishes(path, text)).toHaveLength(1);
  });

  it.each([
    ['README.md', 'https://example.org/home/page and packages/work/a'],
    ['package-lock.json', '      "resolved": "packages/client",'],
    ['packages/server/src/index.ts', ''],
    ['packages/server/src/testing/index.ts', ''],
    ['packages/server/src/common-sense.ts', ''],
  ])('but %s with %s may', (path, text) => {
    expect(findBlemishes(path, text)).toEqual([]);
  });
});
