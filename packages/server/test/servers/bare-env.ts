/**
 * What a program of this repository is started with, so that nothing else of this process's surroundings configures it: where
 * programs are found, and where Node keeps what it compiled. Without the latter each start compiles some hundred files anew.
 */
export const BARE_ENV: Readonly<NodeJS.ProcessEnv> = {
  PATH: process.env['PATH'],
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
};
