import * as z from 'zod';

/** What docs/configuration.md and the environment need to know of a setting beside its type. */
export type SettingMeta = {
  /** Its variable, where that is not derived from its name. */
  readonly env?: string;
  /** Its value must not be shown. */
  readonly secret?: true;
};

/** A whole number with bounds. The unit is in the setting's name (`…Ms`, `…Bytes`, `…PerSecond`). */
export function whole(about: string, initial: number, min: number, max: number, meta: SettingMeta = {}) {
  return z
    .int()
    .min(min)
    .max(max)
    .default(initial)
    .meta({ description: about, ...meta });
}

/** A text that is checked by `problem`, which says what is wrong with it without repeating it. */
export function text(about: string, meta: SettingMeta, problem: (value: string) => string | undefined) {
  return z
    .string()
    .superRefine((value, context) => {
      const wrong = problem(value);
      if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong });
    })
    .meta({ description: about, ...meta });
}

export function emptyProblem(value: string): string | undefined {
  return value === '' ? 'is empty' : undefined;
}

/** The path of a file, which may be left out. */
export const file = (about: string) => text(about, {}, emptyProblem).optional();

/** A list of texts; in the environment separated by commas. */
export function list(about: string, meta: SettingMeta, problem: (value: string) => string | undefined) {
  return z
    .array(z.string())
    .superRefine((values, context) => {
      for (const value of values) {
        const wrong = problem(value);
        if (wrong !== undefined)
          return context.addIssue({ code: 'custom', message: `${JSON.stringify(value)} ${wrong}` });
      }
    })
    .meta({ description: about, ...meta });
}

/** A function of the app's. */
export function hook<F>(about: string) {
  return z
    .custom<F>((value) => typeof value === 'function', 'is not a function')
    .meta({ description: about });
}

/**
 * For a section whose requests are signed: an address and the secret to sign with, both or neither.
 *
 * @param section its name in the configuration
 */
export function urlAndSecret(section: string) {
  return (
    { url, secret }: { readonly url?: string | undefined; readonly secret?: string | undefined },
    context: z.RefinementCtx,
  ): void => {
    if ((url === undefined) === (secret === undefined)) return;
    const [given, missing] = url === undefined ? ['secret', 'url'] : ['url', 'secret'];
    context.addIssue({
      code: 'custom',
      path: [missing],
      message: `is missing, and ${section}.${given} is set: set both or neither`,
    });
  };
}
