/**
 * A receiver of webhooks in a process of its own, to be stopped and killed. Run by receiver.ts with the file into which it
 * writes each request, a line of JSON each, before it answers, and its port; 0 for any.
 *
 * Tells its parent the port. The parent tells it the status to answer with; 0: none at all, 1: 500 every third time.
 */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const [, , file = '', port = '0', firstStatus = '204'] = process.argv;
let asked = Number(firstStatus);
let requests = 0;

function nextStatus(): number {
  if (asked !== 1) return asked;
  return ++requests % 3 === 0 ? 500 : 204;
}

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('error', () => undefined);
  request.on('end', () => {
    const status = nextStatus();
    appendFileSync(file, `${JSON.stringify({ status, headers: request.headers, body })}\n`);
    if (status !== 0) response.writeHead(status).end();
  });
});
process.on('message', (next: number) => {
  asked = next;
  process.send?.({ status: next });
});
process.on('disconnect', () => process.exit());
server.listen(Number(port), '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
