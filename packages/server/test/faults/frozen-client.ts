import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

// A client as a process of its own, so that it can be stopped as a whole (SIGSTOP) with its socket open. Prints each
// message on a line; sends each line of its input. Arguments: the port, and the login message.

const [port, login] = process.argv.slice(2) as [string, string];
const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false });

const print = (line: string): void => void process.stdout.write(`${line}\n`);

socket.on('open', () => socket.send(login));
socket.on('message', (data) => {
  const text = (data as Buffer).toString();
  print(text);
  const { t, q } = JSON.parse(text) as { t: string; q?: number };
  if (t === 'hb' && q === undefined && socket.readyState === WebSocket.OPEN) socket.send('{"t":"hb"}');
});
// A line that was cut is what the tests are about; `close` follows.
socket.on('error', () => undefined);
socket.on('close', (code) => {
  print(JSON.stringify({ t: 'closed', code }));
  process.exit(0);
});
createInterface(process.stdin).on('line', (line) => {
  if (socket.readyState === WebSocket.OPEN) socket.send(line);
});
