/** The SDK for an app's own tests: the real client, on a line and in a time that the test controls. */
export { createTestClient, type TestClient, type TestClientOptions } from './test-client.ts';
export type { LineLike, TestServerLike } from './test-server-like.ts';
export {
  type OutboxStoreClaim,
  type OutboxStoreSubject,
  outboxStoreContract,
} from './outbox-store-contract.ts';
