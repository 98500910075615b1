/**
 * The server for an app's own tests: the real one, in process, over in-process stores, on lines that the test breaks and in
 * time that passes when the test says so. No sockets, no files, no test runner of its own. See docs/testing-your-app.md.
 */
export type { BareClient, Wire } from './bare-client.ts';
export type { TestClock } from './test-clock.ts';
export type { CutOptions, Dialed, LineEnd, TestLine } from './test-line.ts';
export { createTestServer, type TestServer, type TestServerOptions } from './test-server.ts';
export type { Warning } from './test-telemetry.ts';
