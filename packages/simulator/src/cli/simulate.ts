import { runSeed } from '../run.ts';

export async function simulate(args: readonly string[]): Promise<number> {
  const from = Number(args[0] ?? 1);
  const count = Number(args[1] ?? 10);
  const trace = args[2] === 'trace';
  const t = performance.now();
  let bad = 0;
  for (let i = from; i < from + count; i++) {
    const r = await runSeed(String(i), trace ? {
      onWire: (line, d, text, at) => console.log(at, d === 'up' ? '→' : '←', line.client, '#' + line.id, text),
      onNote: (text, at) => console.log(at, text),
    } : {});
    if (r.violation) { bad++; console.log(i, JSON.stringify(r.violation).replaceAll('\\n', '\n')); }
  }
  console.log(bad, 'bad', ((performance.now() - t) / count).toFixed(1), 'ms a seed');
  return bad ? 1 : 0;
}
