import type { Contract, EmptyContract } from '@carillon/contract';
import type { ContractOptions } from './config/contract-types.ts';
import type { CarillonConfig } from './config/schema.ts';

/** A configuration without what a contract brings with it. */
type PlainConfig = Omit<CarillonConfig, 'contract' | 'authorize' | 'calls'>;

/** The options of a server with a contract: rules and handlers have its types. */
export type ServerOptions<C extends Contract> = PlainConfig & ContractOptions<C>;

/** Names the type of carillon.config.ts, so that an editor completes and checks it by the contract in it. */
export function defineConfig<C extends Contract = EmptyContract>(
  config: ServerOptions<NoInfer<C>> & { readonly contract?: C },
): CarillonConfig {
  // Rules and handlers are called with what their types say; of which contract, only the compiler knows.
  return config as unknown as CarillonConfig;
}

export type {
  CallContextOf,
  CallHandlerOf,
  CallHandlersOf,
  RuleRequestOf,
  RulesOf,
} from './config/contract-types.ts';
export type { RoleAnswer, RuleAnswer } from './auth/authorize/rule-authorizer.ts';

export { type AuthConfig } from './config/auth-settings.ts';
export { type ConfigResult, loadConfig, resolveConfig, type ServerConfig } from './config/load-config.ts';
export { type CarillonConfig } from './config/schema.ts';
export type { AuthenticateHook, AuthenticateRequest, Identity } from './auth/hook-authenticator.ts';
