import type { CrowdResult } from '../scenarios/crowd.ts';
import { digits, table, verdicts } from './table.ts';

const LEAST_SHARE = 0.9999;
const MOST_P95_MS = 50;

export function reportCrowd(result: CrowdResult): string {
  const { plan, latencies } = result;
  const share = result.connected / (result.connected + result.failed);
  const number = (value: number): string => value.toLocaleString('en-US');
  return `${verdicts([
    {
      target: `${LEAST_SHARE * 100}% of the connections succeed`,
      value: `${number(result.connected)} of ${number(result.connected + result.failed)}`,
      met: share >= LEAST_SHARE,
    },
    {
      target: `p95 of a status change at ${plan.changesPerSecond} a second: under ${MOST_P95_MS} ms`,
      value: `${digits(latencies.p95Ms)} ms`,
      met: latencies.p95Ms < MOST_P95_MS,
    },
    {
      target: 'nothing dropped',
      value: `${number(result.deliveries)} of ${number(result.due)} deliveries, ${number(result.closed)} connections closed`,
      met: result.deliveries === result.due && result.closed === 0,
    },
  ])}

${result.origin}: ${number(result.people)} people on two or three devices each, ${number(result.edgesOnline)} edges among them. ${result.nodes} nodes over one Redis and one SQLite file, ${result.generators} load generators; all share all cores. ${plan.idleSeconds} s idle before memory is read; ${plan.changesPerSecond} changes a second for ${plan.seconds} s by random people.

${table(
  ['', ''],
  [
    ['connections with login and presence', number(result.connected)],
    ...(result.failures.length === 0 ? [] : [['not let in because', result.failures.join('; ')]]),
    ['seconds until all were there', digits(result.connectSeconds)],
    ['closed while idle', number(result.closedIdle)],
    ['node memory a session, KB', digits(result.sessionKb)],
    ['Redis memory a session, KB', digits(result.redisKb)],
    ['memory of all nodes, MB', digits(result.nodesMb)],
    ['changes', number(result.changes)],
    ['deliveries a second', digits(result.deliveries / result.seconds)],
    ['latency p50, ms', digits(latencies.p50Ms)],
    ['latency p95, ms', digits(latencies.p95Ms)],
    ['latency p99, ms', digits(latencies.p99Ms)],
    ['latency longest, ms', digits(latencies.maxMs)],
    ['of which a generator was late at most, ms', digits(result.lateMs)],
    ['CPU µs a delivery, all nodes', digits(result.microsPerDelivery)],
    ['Redis CPU µs a delivery', digits(result.redisMicrosPerDelivery)],
    ['other messages that came meanwhile', number(result.others)],
  ],
)}`;
}
