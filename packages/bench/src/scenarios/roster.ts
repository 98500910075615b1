import { cpSync, mkdtempSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bench } from '../bench.ts';
import { type Graph, toCsv } from '../graph/graph.ts';
import { newDatabase, startCarillon } from '../processes/carillon.ts';

const imported = new WeakMap<Graph, Promise<string>>();

/** A fresh database with the whole graph in it. It is imported once, by a server that is then ended. */
export async function databaseWith(bench: Bench, graph: Graph): Promise<string> {
  let original = imported.get(graph);
  if (original === undefined) {
    original = importOnce(bench, graph);
    imported.set(graph, original);
  }
  const folder = mkdtempSync(join(bench.folder, 'database-'));
  cpSync(dirname(await original), folder, { recursive: true });
  return join(folder, 'carillon.sqlite');
}

async function importOnce(bench: Bench, graph: Graph): Promise<string> {
  bench.say(`importing ${graph.from.length} edges`);
  const database = newDatabase(bench);
  const server = await startCarillon(bench, database, { CARILLON_DRAIN_WINDOW_MS: '0' });
  await server.post('/v1/import', toCsv(graph));
  await server.end('SIGTERM');
  return database;
}
