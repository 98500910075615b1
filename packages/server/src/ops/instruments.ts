import { Counter, Gauge, type Registry } from 'prom-client';
import type { NodeCounts } from '../runtime/node-api.ts';

/** Numbers that are added to as plain numbers, and read when the registry is scraped. */
export type Instruments = {
  /** A number of the node, read at each scrape. */
  gauge(name: string, help: string, read: (now: NodeCounts) => number): void;
  counter(name: string, help: string): { value: number };
  counterBy(name: string, label: string, help: string): { add(key: string, by?: number): void };
};

export function createInstruments(registry: Registry, counts: () => NodeCounts): Instruments {
  return {
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read(counts()));
        },
      });
    },
    counter(name, help) {
      const state = { value: 0 };
      new Counter({
        name,
        help,
        registers: [registry],
        collect() {
          this.reset();
          this.inc(state.value);
        },
      });
      return state;
    },
    counterBy(name, label, help) {
      const values = new Map<string, number>();
      new Counter({
        name,
        help,
        labelNames: [label],
        registers: [registry],
        collect() {
          this.reset();
          for (const [key, value] of values) this.inc({ [label]: key }, value);
        },
      });
      return { add: (key, by = 1) => void values.set(key, (values.get(key) ?? 0) + by) };
    },
  };
}
