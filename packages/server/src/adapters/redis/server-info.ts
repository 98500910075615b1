import type { Line } from './line.ts';
import { redisRefusal } from './redis-errors.ts';

/** What a server says about itself. */
export type ServerInfo = {
  /** Another one each time it is started. */
  readonly runId: string;
  /** `7.0.15` */
  readonly version: string;
  /** `master` or `slave`. */
  readonly role: string;
  /** What it does when its memory is full. */
  readonly policy: string;
};

/** Asks a server who it is: one `INFO` for all of it. */
export async function readServerInfo(line: Line): Promise<ServerInfo> {
  const text = await line.send(['INFO']);
  const fields = typeof text === 'string' ? parseInfo(text) : new Map<string, string>();
  const runId = fields.get('run_id');
  if (runId === undefined)
    throw redisRefusal('what is reached answers INFO without a run_id: it is no Redis');
  return {
    runId,
    version: fields.get('redis_version') ?? '',
    role: fields.get('role') ?? '',
    policy: fields.get('maxmemory_policy') ?? '',
  };
}

/** The lines `name:value` of an `INFO`. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}
