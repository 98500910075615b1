/**
 * A backend in a process of its own, to be stopped and killed: a yes to whatever is asked. Says on stdout, a line each, where
 * it listens and which user it was asked about.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('error', () => undefined);
  request.on('end', () => {
    process.stdout.write(`asked ${(JSON.parse(body) as { user: string }).user}\n`);
    response.end('{"allow":true}');
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`);
});
