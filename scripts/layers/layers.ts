/** A part of the source tree, and what it may know of the others. */
export interface Layer {
  readonly name: string;
  /** How the paths of its files start, from the repository's root. The longest that fits is a file's layer. */
  readonly path: string;
  /** Layers it may import, beside itself. */
  readonly imports: readonly string[];
  /** Layers it may import with `import type` only. */
  readonly types?: readonly string[];
  /** Whether it may import `node:*` and packages from npm. */
  readonly outside: 'nothing' | 'packages' | 'packages and node';
  /** Pure: time, chance, timers, the process and the network are handed in. */
  readonly pure?: true;
  /** Folders directly inside do not know each other. */
  readonly apart?: true;
}

const everything =
  'protocol contract core ports runtime adapters gate gateways auth outbound webhooks ops features config'.split(
    ' ',
  );

/** The house rules, layer by layer, innermost first. */
export const layers: readonly Layer[] = [
  { name: 'protocol', path: 'packages/protocol/src/', imports: [], outside: 'nothing' },
  { name: 'contract', path: 'packages/contract/src/', imports: ['protocol'], outside: 'nothing' },

  {
    name: 'client',
    path: 'packages/client/src/',
    imports: ['client/core', 'protocol'],
    types: ['contract'],
    outside: 'nothing',
  },
  {
    name: 'client/core',
    path: 'packages/client/src/core/',
    imports: ['protocol'],
    types: ['client'],
    outside: 'nothing',
    pure: true,
  },
  {
    name: 'client/testing',
    path: 'packages/client/src/testing/',
    imports: ['client', 'protocol'],
    types: ['contract'],
    outside: 'nothing',
  },
  {
    // What the SDK has for Node.js alone, in an entry of its own: browsers never load it.
    name: 'client/node',
    path: 'packages/client/src/node/',
    imports: ['client'],
    outside: 'packages and node',
  },
  {
    // Bindings bring their peers: react, yjs.
    name: 'client/react',
    path: 'packages/client/src/react/',
    imports: ['client', 'protocol'],
    types: ['contract'],
    outside: 'packages',
  },
  {
    name: 'client/yjs',
    path: 'packages/client/src/yjs/',
    imports: ['client', 'client/core', 'protocol'],
    types: ['contract'],
    outside: 'packages',
  },

  { name: 'ports', path: 'packages/server/src/ports/', imports: ['protocol'], outside: 'nothing' },
  {
    name: 'core',
    path: 'packages/server/src/core/',
    imports: ['ports', 'protocol'],
    outside: 'nothing',
    pure: true,
  },
  {
    name: 'runtime',
    path: 'packages/server/src/runtime/',
    imports: ['core', 'ports', 'protocol'],
    outside: 'nothing',
    pure: true,
  },
  {
    name: 'adapters',
    path: 'packages/server/src/adapters/',
    imports: ['ports', 'core', 'protocol'],
    outside: 'packages and node',
    apart: true,
  },
  {
    // What gateways share: who is let in, and lines over HTTP.
    name: 'gate',
    path: 'packages/server/src/gate/',
    imports: ['runtime', 'ports', 'protocol'],
    outside: 'packages and node',
  },
  {
    name: 'gateways',
    path: 'packages/server/src/gateways/',
    imports: ['gate', 'runtime', 'ports', 'protocol'],
    types: ['core'],
    outside: 'packages and node',
    apart: true,
  },
  {
    name: 'auth',
    path: 'packages/server/src/auth/',
    imports: ['outbound', 'ports', 'core', 'protocol'],
    outside: 'packages and node',
  },
  {
    // Signed requests to an app's own backend.
    name: 'outbound',
    path: 'packages/server/src/outbound/',
    imports: ['ports', 'protocol'],
    outside: 'packages and node',
  },
  {
    name: 'webhooks',
    path: 'packages/server/src/webhooks/',
    imports: ['outbound', 'ports', 'protocol'],
    outside: 'packages and node',
  },
  {
    name: 'ops',
    path: 'packages/server/src/ops/',
    imports: ['ports', 'core', 'protocol'],
    types: ['runtime'],
    outside: 'packages and node',
  },
  {
    name: 'testing',
    path: 'packages/server/src/testing/',
    imports: ['ports', 'core', 'protocol'],
    outside: 'packages and node',
  },
  {
    // A second wiring, of everything but what needs the machine: gateways and files stay out.
    name: 'testing/kit',
    path: 'packages/server/src/testing/kit/',
    imports: 'server config auth adapters runtime ports core protocol contract'.split(' '),
    outside: 'packages and node',
  },
  {
    // The simulator's way in, for the repository alone.
    name: 'simulation',
    path: 'packages/server/src/simulation/',
    imports: ['runtime', 'adapters', 'ports', 'core'],
    outside: 'nothing',
  },
  {
    // As an app would: through the server's face and nothing behind it.
    name: 'features',
    path: 'packages/server/src/features/',
    imports: ['face'],
    outside: 'packages and node',
  },

  {
    // config.ts and the folder beside it. Settings become the options of the parts, whose defaults stand with the parts.
    name: 'config',
    path: 'packages/server/src/config',
    imports: ['runtime', 'auth', 'outbound', 'webhooks', 'ports', 'core', 'protocol', 'contract'],
    types: ['ops', 'adapters', 'gateways'],
    outside: 'packages and node',
  },
  {
    name: 'server',
    // server.ts and the folder beside it, which holds pieces of the wiring.
    path: 'packages/server/src/server',
    imports: everything,
    outside: 'packages and node',
  },
  {
    name: 'face',
    path: 'packages/server/src/index.ts',
    imports: ['server', 'config', 'runtime', 'ports', 'core', 'protocol', 'contract'],
    outside: 'nothing',
  },
  {
    name: 'cli',
    path: 'packages/server/src/cli/',
    imports: ['server', 'config', 'auth', 'ops', 'protocol'],
    outside: 'packages and node',
  },
];
