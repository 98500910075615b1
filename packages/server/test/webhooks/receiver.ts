import { type ChildProcess, fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, watch, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROCESS = fileURLToPath(new URL('receiver-process.ts', import.meta.url));

export const SECRET = 'a webhook secret of thirty-two bytes or more';

/** A request as the receiver wrote it down, before it answered with the status. */
type Written = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A request, its signature checked, and what it says. */
export type Received = Written & {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly timestamp: string;
};

export type Receiver = {
  readonly url: URL;
  readonly child: ChildProcess;
  /** Everything that any of its lives wrote down. */
  received(): readonly Received[];
  /** What it answered 2xx. */
  taken(): Received[];
  /** @param status 0: none at all; 1: 500 every third time, 204 else */
  answerWith(status: number): Promise<void>;
  /** Resolves once what it wrote down fits; looks again whenever more was written. */
  until(fits: (receiver: Receiver) => boolean): Promise<void>;
  kill(): Promise<void>;
  /** Begins it anew, on its port. */
  restart(status?: number): Promise<void>;
  close(): Promise<void>;
};

/** @param file for what it receives; made anew */
export async function startReceiver(file: string): Promise<Receiver> {
  writeFileSync(file, '');

  async function begin(port: number, status: number): Promise<{ child: ChildProcess; port: number }> {
    const child = fork(PROCESS, [file, String(port), String(status)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [told] = (await once(child, 'message')) as [{ port: number }];
    return { child, port: told.port };
  }

  let { child, port } = await begin(0, 204);
  const lines: Received[] = [];
  /** Characters of the file that were read. */
  let read = 0;

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  const receiver: Receiver = {
    url: new URL(`http://127.0.0.1:${port}/hooks?tenant=hush`),
    get child() {
      return child;
    },
    received() {
      const text = readFileSync(file, 'utf8');
      // The last line may still be being written.
      const end = text.lastIndexOf('\n') + 1;
      for (const line of text.slice(read, end).split('\n'))
        if (line !== '') lines.push(checked(JSON.parse(line) as Written));
      read = end;
      return lines;
    },
    taken: () => receiver.received().filter(({ status }) => status >= 200 && status <= 299),
    async answerWith(status) {
      const acknowledged = once(child, 'message');
      child.send(status);
      await acknowledged;
    },
    until(fits) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const watcher = watch(file, check);
      function check(): void {
        try {
          if (fits(receiver)) resolve();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      }
      check();
      return promise.finally(() => watcher.close());
    },
    kill,
    async restart(status = 204) {
      await kill();
      ({ child, port } = await begin(port, status));
    },
    close: kill,
  };
  return receiver;
}

/** Fails where the signature is not that of Standard Webhooks, worked out by nothing but node:crypto. */
function checked(written: Written): Received {
  const { headers, body } = written;
  const id = headers['webhook-id'] ?? '';
  const mac = createHmac('sha256', SECRET)
    .update(`${id}.${headers['webhook-timestamp']}.${body}`)
    .digest('base64');
  if (headers['webhook-signature'] !== `v1,${mac}`) throw new Error(`not signed: ${body}`);
  const { type, timestamp, data } = JSON.parse(body) as {
    type: string;
    timestamp: string;
    data: Record<string, string>;
  };
  const [[kind, name] = []] = Object.entries(data);
  return { ...written, id, type, timestamp, subject: `${kind} ${name}` };
}
