import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Asked = { readonly id: string; readonly key: string; readonly args: string; readonly user: string };

export type TagBackend = {
  readonly url: string;
  /** What it holds: the tags of each key, in the order in which they came. */
  readonly truth: Map<string, { readonly tags: readonly string[]; readonly version: number }>;
  /** Ids that were carried out, each as often as it was. */
  readonly carriedOut: string[];
  readonly counts: Record<'failed' | 'silent' | 'repeated' | 'refused', number>;
  close(): Promise<void>;
};

/**
 * An app's backend in small: it carries each id out once, publishes by Carillon's HTTP API, sometimes before it answers and sometimes behind it, and
 * fails, is silent, or refuses, now and then.
 *
 * @param chance uniform in [0, 1)
 */
export async function startTagBackend(
  carillon: string,
  apiKey: string,
  chance: () => number,
): Promise<TagBackend> {
  const truth: TagBackend['truth'] = new Map();
  const answers = new Map<string, { status: number; body: string }>();
  const onRepeat = new Map<string, () => void>();
  const carriedOut: string[] = [];
  const counts = { failed: 0, silent: 0, repeated: 0, refused: 0 };
  let publishing: Promise<unknown> = Promise.resolve();

  async function publish({ key, id, user }: Asked, tags: readonly string[], version: number): Promise<void> {
    const response = await fetch(
      `${carillon}/v1/channels/${encodeURIComponent(`tags:${user}`)}/publications`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ data: tags, key, version, ref: id }),
      },
    );
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const asked = JSON.parse(Buffer.concat(parts).toString()) as Asked;
    const known = answers.get(asked.id);
    if (known !== undefined) {
      counts.repeated++;
      onRepeat.get(asked.id)?.();
      response.writeHead(known.status).end(known.body);
      return;
    }
    const dice = chance();
    if (dice < 0.1) {
      counts.failed++;
      response.writeHead(500).end();
      return;
    }
    if (asked.args.endsWith('bad')) {
      counts.refused++;
      const answer = { status: 409, body: '{"code":"bad","message":"not that one"}' };
      answers.set(asked.id, answer);
      response.writeHead(answer.status).end(answer.body);
      return;
    }
    const { tags, version } = truth.get(asked.key) ?? { tags: [], version: 0 };
    // As this change left it: by the time it is published others may have come.
    const now = { tags: [...tags, asked.args], version: version + 1 };
    truth.set(asked.key, now);
    carriedOut.push(asked.id);
    const answer = {
      status: 200,
      body: JSON.stringify({ token: { key: asked.key, version: now.version } }),
    };
    answers.set(asked.id, answer);
    const isDropped = dice > 0.6 && dice < 0.7;
    if (isDropped) {
      // Carried out, and neither answered nor published before it is asked for again.
      const repeated = new Promise<void>((resolve) => onRepeat.set(asked.id, resolve));
      publishing = publishing.then(() => repeated);
    }
    const published = (publishing = publishing.then(() => publish(asked, now.tags, now.version)));
    if (dice < 0.5) await published;
    if (isDropped) {
      response.writeHead(503).end();
      return;
    }
    if (dice > 0.95) {
      // It was carried out, and nobody is told.
      counts.silent++;
      return;
    }
    response.writeHead(answer.status).end(answer.body);
    await published;
  }

  const server: Server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tags`,
    truth,
    carriedOut,
    counts,
    async close() {
      await publishing;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
