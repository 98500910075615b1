import type { GraphResult } from '../scenarios/graph.ts';
import { digits, table, verdicts } from './table.ts';

export function reportGraph(result: GraphResult): string {
  const { plan } = result;
  const saved = 1 - result.bytesPerChange / result.fullListBytesPerChange;
  const allExact = result.exact === result.changes && result.strangers === 0 && result.duplicates === 0;
  return `${verdicts([
    {
      target: 'every change to exactly its online followers',
      value: `${result.exact.toLocaleString('en-US')} of ${result.changes.toLocaleString('en-US')} changes; ${result.strangers} to strangers, ${result.duplicates} twice`,
      met: allExact,
    },
    {
      target: '98% less than full lists would take',
      value: `${(saved * 100).toFixed(2)}% less`,
      met: saved >= 0.98,
    },
  ])}

${result.origin}: ${result.edges.toLocaleString('en-US')} directed edges, all imported; the first ${plan.people.toLocaleString('en-US')} people online${plan.nodes > 1 ? `, in turn on ${plan.nodes} nodes over one Redis, all of which share all cores with the load` : ''}, ${result.edgesOnline.toLocaleString('en-US')} edges among them. ${plan.changesPerSecond} changes a second for ${plan.seconds} s by random people.

${table(
  ['', ''],
  [
    ['deliveries, counted', result.deliveries.toLocaleString('en-US')],
    ['deliveries by the graph', result.due.toLocaleString('en-US')],
    ['latency p50, ms', digits(result.p50Ms)],
    ['latency p95, ms', digits(result.p95Ms)],
    ['latency p99, ms', digits(result.p99Ms)],
    ['latency longest, ms', digits(result.maxMs)],
    ['of which the generator was late at most, ms', digits(result.lateMs)],
    ['bytes a change, all its deliveries together', digits(result.bytesPerChange)],
    ['bytes a change by full lists', digits(result.fullListBytesPerChange)],
    ['server CPU µs a delivery', digits(result.microsPerDelivery)],
    ...(plan.nodes > 1 ? [['Redis CPU µs a delivery', digits(result.redisMicrosPerDelivery)]] : []),
    ['server CPU of one core', `${(result.serverShare * 100).toFixed(0)}%`],
  ],
)}`;
}
