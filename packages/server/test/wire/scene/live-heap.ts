import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { ServerProcess } from './server-process.ts';
import { within } from './within.ts';

type HeapUsage = {
  readonly usedSize: number;
  readonly embedderHeapUsedSize: number;
  readonly backingStorageSize: number;
};

/**
 * What a server holds in memory after everything it does not need was collected: objects, and the buffers behind them.
 * Resident memory would be no measure, for V8 collects when it likes. The server must have been started with `inspect`.
 */
export async function liveHeapBytes(server: Pick<ServerProcess, 'inspectorUrl'>): Promise<number> {
  const url = server.inspectorUrl;
  if (url === null) throw new Error('the server was not started with `inspect`');
  const inspector = new WebSocket(url, { perMessageDeflate: false });
  await within(once(inspector, 'open'), 'the inspector answers');

  async function call(id: number, method: string): Promise<unknown> {
    const answered = once(inspector, 'message');
    inspector.send(JSON.stringify({ id, method }));
    const [data] = (await within(answered, `the inspector has done ${method}`)) as [Buffer];
    const reply = JSON.parse(data.toString()) as { readonly id: number; readonly result: unknown };
    if (reply.id !== id) throw new Error(`the inspector says ${data.toString().slice(0, 200)}`);
    return reply.result;
  }

  await call(1, 'HeapProfiler.collectGarbage');
  const usage = (await call(2, 'Runtime.getHeapUsage')) as HeapUsage;
  inspector.close();
  await once(inspector, 'close');
  return usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize;
}
