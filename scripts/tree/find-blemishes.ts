interface Blemish {
  readonly what: string;
  readonly files: RegExp;
  readonly pattern: RegExp;
}

/** What a line of a file must not hold. */
const inLines: readonly Blemish[] = [
  {
    what: 'a path of one machine',
    files: /./,
    pattern: /(?<![\w.~/-])\/(?:root|work|Users|home)\/[\w.]/,
  },
  {
    // Where packages come from is each user's own setting; an address would send everyone to ours.
    what: 'the address of a package registry',
    files: /package(-lock)?\.json$|npmrc$|\.(ya?ml|mjs|ts|sh)$/,
    pattern:
      /"resolved": "https?:|(?:registry|mirror|artifactory|nexus)[\w.-]*\.[a-z]{2,}[/:"']|^\s*registry\s*=/,
  },
  {
    what: 'work left behind',
    files: /\.(ts|tsx|mjs|lua|sql)$/,
    pattern: new RegExp(String.raw`\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\b`),
  },
];

/** Names that say nothing of what is inside. */
const emptyName = /(?:^|\/)(?:utils?|helpers?|common|misc|shared)(?:\.[^/]+)?(?:\/|$)/;
/** A package's own face, or that of one of its subpaths. */
const face = /^packages\/[^/]+\/src\/(?:[^/]+\/)?index\.ts$/;

/** Answers with one line for each thing about a file that does not belong in the repository. */
export function findBlemishes(path: string, text: string): string[] {
  const found: string[] = [];
  if (emptyName.test(path)) found.push(`${path} has a name that says nothing`);
  if (/\/index\.tsx?$/.test(path) && !face.test(path))
    found.push(`${path} is an index that is no package's face`);

  const patterns = inLines.filter(({ files }) => files.test(path));
  for (const [index, line] of text.split('\n').entries()) {
    for (const { what, pattern } of patterns) {
      if (pattern.test(line)) found.push(`${path}:${index + 1} holds ${what}: ${line.trim().slice(0, 80)}`);
    }
  }
  return found;
}
