import { randomUUID } from 'node:crypto';
import { startApp } from './app.ts';

const app = await startApp({
  port: Number(process.env['PORT'] ?? 3000),
  databaseUrl: 'sqlite:.carillon/example.sqlite',
  // A key that nobody knows, where none is given.
  apiKey: process.env['CARILLON_API_KEY'] ?? randomUUID(),
});
process.stdout.write(`The app is at ${app.url}\n`);
process.once('SIGINT', () => void app.close());
process.once('SIGTERM', () => void app.close());
