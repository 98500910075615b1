import type { StandardSchema } from './standard-schema.ts';

/** What a call may fail with, by code: each with the schema of what it carries. */
export type CallErrors = Readonly<Record<string, StandardSchema>>;

type NoErrors = Readonly<Record<never, never>>;

export interface CallOptions<Input extends StandardSchema, Output extends StandardSchema> {
  readonly input: Input;
  readonly output: Output;
  /** The longest it may take, ms. */
  readonly timeoutMs?: number;
}

export interface CallDefinition<
  Input extends StandardSchema = StandardSchema,
  Output extends StandardSchema = StandardSchema,
  Errors extends CallErrors = CallErrors,
> extends CallOptions<Input, Output> {
  readonly kind: 'call';
  readonly errors: Errors;
}

/** A function that one side serves and the other calls. */
export function call<Input extends StandardSchema, Output extends StandardSchema>(
  options: CallOptions<Input, Output> & { readonly errors?: undefined },
): CallDefinition<Input, Output, NoErrors>;
/** A function that one side serves and the other calls. It may answer with the errors named, by code. */
export function call<
  Input extends StandardSchema,
  Output extends StandardSchema,
  const Errors extends CallErrors,
>(options: CallOptions<Input, Output> & { readonly errors: Errors }): CallDefinition<Input, Output, Errors>;
// Two forms, for with one the errors that are left out would be taken from where the call is put: any.
export function call(
  options: CallOptions<StandardSchema, StandardSchema> & { readonly errors?: CallErrors | undefined },
): CallDefinition {
  return { ...options, kind: 'call', errors: options.errors ?? {} };
}
