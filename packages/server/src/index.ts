/** Carillon as a library: a server in your own process, and the types of its configuration. */
export { type CarillonConfig, defineConfig } from './config.ts';
export { type CarillonServer, createServer } from './server.ts';
export { StartError } from './server/start-error.ts';
export type { Outcome, RealtimeNode } from './runtime/node-api.ts';
