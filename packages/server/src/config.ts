import type { CarillonConfig } from './config/schema.ts';

/** Names the type of carillon.config.ts, so that an editor completes and checks it. */
export function defineConfig(config: CarillonConfig): CarillonConfig {
  return config;
}

export { type AuthConfig } from './config/auth-settings.ts';
export { type ConfigResult, loadConfig, resolveConfig, type ServerConfig } from './config/load-config.ts';
export { type CarillonConfig } from './config/schema.ts';
export type { AuthenticateHook, AuthenticateRequest, Identity } from './auth/hook-authenticator.ts';
