import type { ServerProcess } from './server-process.ts';

/** What `/metrics` said at one moment. */
export type Metrics = {
  /** One sample; 0 where there is none. Labels as they are written, e.g. `{code="bad_json"}`. */
  value(name: string, labels?: string): number;
  /** The values of all samples of a name, by the value of a label. */
  by(name: string, label: string): Map<string, number>;
};

/** Scrapes a server's metrics. */
export async function scrape(server: Pick<ServerProcess, 'api'>): Promise<Metrics> {
  const { body } = await server.api('GET', '/metrics');
  const samples = new Map<string, number>();
  for (const line of String(body).split('\n')) {
    const match = /^([a-z_0-9]+(?:\{.*\})?) ([^ ]+)$/i.exec(line);
    if (match !== null) samples.set(match[1]!, Number(match[2]));
  }
  return {
    value: (name, labels = '') => samples.get(name + labels) ?? 0,
    by(name, label) {
      const values = new Map<string, number>();
      for (const [sample, value] of samples) {
        const match = new RegExp(`^${name}\\{.*${label}="([^"]*)".*\\}$`).exec(sample);
        if (match !== null) values.set(match[1]!, value);
      }
      return values;
    },
  };
}
