import { startApp } from './app.ts';
import { buildPages } from './build-pages.ts';

const app = await startApp({
  port: Number(process.env['PORT'] ?? 3000),
  databaseUrl: 'sqlite:.carillon/example.sqlite',
  pages: await buildPages(),
});
process.stdout.write(`The pages are at ${app.url}\n`);
process.once('SIGINT', () => void app.close());
process.once('SIGTERM', () => void app.close());
