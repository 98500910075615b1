import { basename } from 'node:path';
import { parseArguments, USAGE } from './arguments.ts';
import { EdgeFileError } from './graph/read-edges.ts';
import { CompileError } from './processes/native.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** `peer NAME` is how the bench starts its peers, each in a process that loads nothing else. */
async function runPeer(name: string | undefined, given = ''): Promise<void> {
  if (name === 'ws') (await import('./peers/ws.ts')).runWs();
  else if (name === 'socket.io') (await import('./peers/socket-io.ts')).runSocketIo();
  else if (name === 'socket.io-redis' || name === 'socket.io-sharded')
    await (await import('./peers/socket-io-nodes.ts')).runSocketIoNode(name === 'socket.io-sharded', given);
  else if (name === 'socket.io-rooms' || name === 'socket.io-recovery')
    (await import('./peers/socket-io-rooms.ts')).runSocketIoRooms(name === 'socket.io-recovery');
  else if (name === 'y-websocket') await (await import('./peers/yjs-servers.ts')).runYWebsocket();
  else if (name === 'hocuspocus') await (await import('./peers/yjs-servers.ts')).runHocuspocus();
  else if (name === 'bare-state') (await import('./peers/yjs-servers.ts')).runBareState(given);
  else throw new Error(`no peer ${name ?? ''}`);
}

/** How the bench starts what loads documents. */
async function runDocumentProcess(name: string, plan: string): Promise<void> {
  const given = JSON.parse(plan) as never;
  if (name === 'document-load') await (await import('./peers/document-load.ts')).runDocumentLoad(given);
  else if (name === 'document-joiners')
    await (await import('./peers/document-joiners.ts')).runDocumentJoiners(given);
  else await (await import('./peers/document-paper.ts')).runDocumentPaper(given);
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv[0] === 'peer') return runPeer(argv[1], argv[2]);
  if (argv[0] === 'devices')
    return (await import('./peers/feed-devices.ts')).runFeedDevices(argv[1] ?? '', Number(argv[2]));
  if (argv[0] === 'document-load' || argv[0] === 'document-joiners' || argv[0] === 'document-paper')
    return runDocumentProcess(argv[0], argv[1] ?? '');
  if (argv.includes('--help') || argv.includes('-h')) {
    console.log(USAGE);
    return;
  }
  const parsed = parseArguments(argv);
  if (!parsed.ok) {
    console.error(`bench: ${parsed.problem}\n\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  // The name of the file says which graph it was; where it lies is nobody's business.
  const command = [
    'npm run bench --',
    ...argv.map((word) => (word.includes('/') ? basename(word) : word)),
  ].join(' ');
  try {
    const { runBench } = await import('./run-bench.ts');
    await runBench(parsed.args, command);
  } catch (error) {
    if (!(error instanceof CompileError) && !(error instanceof EdgeFileError)) throw error;
    console.error(`bench: ${error.message}`);
    process.exitCode = EXIT_FAILED;
  }
}

await main();
