import { defineContract, document } from '@carillon/contract';
import { defineConfig } from '@carillon/server';

const fast = { rate: { perSecond: 1_000_000, burst: 1_000_000 }, documentBytes: 64 * 1024 * 1024 } as const;

/** What documents are measured with: open to everybody who is logged in. */
export default defineConfig({
  contract: defineContract({
    channels: {
      'doc:{id}': document({ ...fast, durability: 'memory', members: false }),
      'kept:{id}': document({ ...fast, durability: 'stored', members: false }),
    },
  }),
  authorize: { 'doc:{id}': () => 'write' as const, 'kept:{id}': () => 'write' as const },
});
