import { type Contract, contractProblem, defineContract } from '@carillon/contract';
import * as z from 'zod';
import type { AuthorizeRule } from '../auth/authorize/rule-authorizer.ts';
import type { CallContext, CallHandler } from '../runtime/channels/call-handler.ts';
import { type FieldSpec, fieldSpecsProblem } from '../core/presence/fields.ts';
import { hook } from './setting.ts';

/** A handler as an app writes it, where no contract is known; `CallHandlersOf` has its types. */
export type GivenCallHandler = (input: unknown, context: GivenCallContext) => unknown;

type GivenCallContext = CallContext & {
  readonly fail: (code: string, data: unknown, message?: string) => never;
};

/** Of an app that declares nothing: presence alone. */
export const NO_CONTRACT: Contract = defineContract({});

/** Who serves which call. */
export type CallHandlers = ReadonlyMap<string, CallHandler>;

export const contractSchema = z
  .custom<Contract>(
    (value) => typeof value === 'object' && value !== null,
    'is none: defineContract makes one',
  )
  .superRefine((contract, context) => {
    const problem = contractProblem(contract) ?? fieldSpecsProblem(contractFields(contract));
    if (problem !== undefined) context.addIssue({ code: 'custom', message: `is refused: ${problem}` });
  })
  .meta({
    description:
      'What moves in the app: `defineContract({ … })` of @carillon/contract; unless set, presence alone.',
  });

export const authorizeSchema = z
  .record(z.string(), hook<AuthorizeRule>('decides who may use the channels of one pattern'))
  .meta({
    description:
      'Who may use which channel: by pattern `({ user, session, action, channel, params, signal }) => boolean | { allow, ttlMs? }`, of a document a role or `{ role, ttlMs? }`.',
  });

export const callsSchema = z.record(z.string(), hook<GivenCallHandler>('serves one call')).meta({
  description: 'Who serves the calls of the contract: by name `(input, context) => output`.',
});

/** The presence fields that a contract declares. */
export function contractFields({ presence }: Contract): readonly FieldSpec[] {
  return Object.entries(presence).map(([name, maxLength]) => ({ name, maxLength }));
}

type Parts = {
  readonly contract?: Contract | undefined;
  readonly authorize?: Readonly<Record<string, unknown>> | undefined;
  readonly calls?: Readonly<Record<string, unknown>> | undefined;
};

/** What is wrong between a contract and what goes with it: the setting at fault, and why. */
export function contractPartsProblem({
  contract,
  authorize = {},
  calls = {},
}: Parts): { readonly setting: 'authorize' | 'calls'; readonly message: string } | undefined {
  const patterns = Object.keys(contract?.channels ?? {});
  const stray = Object.keys(authorize).find((pattern) => !patterns.includes(pattern));
  if (stray !== undefined)
    return {
      setting: 'authorize',
      message: `has a rule for ${JSON.stringify(stray)}, ${undeclared(patterns)}`,
    };
  const beside = Object.keys(authorize).find((pattern) => documentBeside(contract, pattern) !== undefined);
  if (beside !== undefined)
    return {
      setting: 'authorize',
      message: `has a rule for ${JSON.stringify(beside)}, which lies beside ${JSON.stringify(documentBeside(contract, beside))}: the roles there are its rights, and the rule would never be asked`,
    };
  const names = Object.keys(contract?.calls ?? {});
  const unknown = Object.keys(calls).find((name) => !names.includes(name));
  if (unknown !== undefined)
    return {
      setting: 'calls',
      message: `has a handler for ${JSON.stringify(unknown)}, ${undeclared(names)}`,
    };
  const missing = names.find((name) => !Object.hasOwn(calls, name));
  if (missing !== undefined)
    return {
      setting: 'calls',
      message: `has no handler for ${JSON.stringify(missing)}, which the contract declares`,
    };
  return undefined;
}

/** The document whose roles are the rights to a channel; undefined where it has its own. */
function documentBeside(contract: Contract | undefined, pattern: string): string | undefined {
  const definition = contract?.channels[pattern];
  return definition === undefined || definition.kind === 'document' ? undefined : definition.beside;
}

function undeclared(declared: readonly string[]): string {
  return declared.length === 0
    ? 'and the contract declares none'
    : `which the contract does not declare; it has ${declared.join(', ')}`;
}

/** Handlers as the runtime calls them: given the means to answer with an error of the contract. */
export function toCallHandlers(calls: Readonly<Record<string, GivenCallHandler>>): CallHandlers {
  return new Map(
    Object.entries(calls).map(([name, handler]) => [
      name,
      (input, context) => handler(input, { ...context, fail }),
    ]),
  );
}

function fail(code: string, data: unknown, message = code): never {
  throw Object.assign(new Error(message), { callError: code, data });
}
