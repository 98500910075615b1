import { fileURLToPath } from 'node:url';
import { CLOSES, ERRORS } from '@carillon/protocol';
import { type Rolldown, build, defaultClientConditions } from 'vite';
import { expect, it } from 'vitest';

it("an app that bundles the client gets none of the protocol's help texts and checks", async () => {
  const output = (await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
    build: {
      write: false,
      rolldownOptions: {
        input: fileURLToPath(new URL('../src/index.ts', import.meta.url)),
        preserveEntrySignatures: 'exports-only',
      },
    },
  })) as Rolldown.RolldownOutput;
  const code = output.output.map((part) => (part.type === 'chunk' ? part.code : '')).join('');
  expect(code, 'the client is in it').toContain('statusUpdate');
  for (const { help } of [...Object.values(ERRORS), ...Object.values(CLOSES)])
    expect(code).not.toContain(help.slice(0, 30));
  // Methods that browsers of 2022 lack; the compiler's `lib` for the build names those of ECMAScript.
  for (const younger of ['withResolvers', 'canParse', 'structuredClone', 'AbortSignal.'])
    expect(code).not.toContain(younger);
  expect(code, 'shapes of messages').not.toContain('The first message of a connection');
});
