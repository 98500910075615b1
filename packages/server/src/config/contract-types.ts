import type {
  CallDefinition,
  CallsOf,
  ChannelPatterns,
  Contract,
  DocumentDefinition,
  HandlerErrors,
  HandlerInput,
  HandlerOutput,
  ParamsOf,
} from '@carillon/contract';
import type { RoleAnswer, RuleAnswer, RuleRequest } from '../auth/authorize/rule-authorizer.ts';
import type { CallContext } from '../runtime/channels/call-handler.ts';

/** What a rule is asked: who wants to do what, on which channel of the pattern. */
export type RuleRequestOf<Pattern extends string> = Omit<RuleRequest, 'pattern' | 'params'> & {
  readonly pattern: Pattern;
  /** Decoded. */
  readonly params: ParamsOf<Pattern>;
};

/** What a rule of a pattern answers: of a document a role, of everything else whether it is open. */
export type RuleAnswerOf<Definition> = [Definition] extends [DocumentDefinition]
  ? RoleAnswer
  : [Extract<Definition, DocumentDefinition>] extends [never]
    ? RuleAnswer
    : RuleAnswer | RoleAnswer;

/** Who may use the channels of which pattern. Patterns without a rule stay closed to everybody but their owner. */
export type RulesOf<C extends Contract> = {
  readonly [Pattern in ChannelPatterns<C>]?: (
    request: RuleRequestOf<Pattern>,
  ) => RuleAnswerOf<C['channels'][Pattern]> | Promise<RuleAnswerOf<C['channels'][Pattern]>>;
};

/** Answers a call with one of the errors that the contract declares for it. Never returns. */
type Fail<Errors extends { readonly code: string; readonly data: unknown }> = <Code extends Errors['code']>(
  code: Code,
  data: Extract<Errors, { readonly code: Code }>['data'],
  /** What went wrong, for people. */
  message?: string,
) => never;

/** What a handler is given beside the input. */
export type CallContextOf<Call extends CallDefinition> = CallContext & {
  readonly fail: Fail<HandlerErrors<Call>>;
};

/**
 * Serves a call: its input has passed the schema, its output must. What it throws is logged and answered `internal`; an error
 * of the contract it answers with by `context.fail`.
 */
export type CallHandlerOf<Call extends CallDefinition> = (
  input: HandlerInput<Call>,
  context: CallContextOf<Call>,
) => HandlerOutput<Call> | Promise<HandlerOutput<Call>>;

/** A handler for every call of clients that the contract declares. */
export type CallHandlersOf<C extends Contract> = {
  readonly [Name in keyof CallsOf<C>]: CallHandlerOf<CallsOf<C>[Name]>;
};

/** Where nothing is declared, nothing fits; `{}` would take anything. */
type Nothing = Readonly<Record<string, never>>;

/** The part of the options that a contract asks for. */
export type ContractOptions<C extends Contract> = {
  /** Opens channels: everything else but `{user}` channels to their owner is closed. */
  readonly authorize?: [ChannelPatterns<C>] extends [never] ? Nothing : RulesOf<C>;
} & (keyof CallsOf<C> extends never ? { readonly calls?: Nothing } : { readonly calls: CallHandlersOf<C> });
