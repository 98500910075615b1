import { settingList, type Setting } from './setting-list.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type EnvironmentSettings =
  | { readonly ok: true; readonly values: ReadonlyMap<string, unknown>; readonly unknown: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/** Reads the settings out of an environment. An empty variable counts as unset. */
export function readEnvironment(env: Environment): EnvironmentSettings {
  const byVariable = new Map<string, Setting>();
  for (const setting of settingList()) if (setting.env !== null) byVariable.set(setting.env, setting);
  const values = new Map<string, unknown>();
  const unknown: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (text === undefined || text === '') continue;
    const setting = byVariable.get(variable);
    if (setting !== undefined) values.set(setting.name, valueOf(setting, text));
    else if (variable.startsWith('CARILLON_')) unknown.push(variable);
  }
  return { ok: true, values, unknown };
}

/** The value that a text stands for; a text that stands for none is left as it is, and the schema refuses it. */
function valueOf(setting: Setting, text: string): unknown {
  switch (setting.kind) {
    case 'whole':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    case 'list':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    case 'text':
    case 'choice':
    case 'object':
    case 'function':
      return text;
  }
}
