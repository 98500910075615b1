import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createSampleGathering } from '../../../src/cli/workers/gather-samples.ts';
import { mergeSamples } from '../../../src/cli/workers/merge-samples.ts';
import { tableAfter } from '../../config/markdown-table.ts';
import { createLogger } from '../../../src/ops/logger.ts';
import { createMetrics, type Metrics } from '../../../src/ops/metrics.ts';

const metrics = (): Metrics => createMetrics(createLogger('silent'));

describe('the metrics of all workers', () => {
  it('say of each sample which worker measured it, histograms and those of the process too', async () => {
    const [one, two] = [metrics(), metrics()];
    one.telemetry.connectionOpened();
    two.telemetry.connectionOpened();
    two.telemetry.connectionOpened();
    two.telemetry.error('rate_limited');
    one.telemetry.fanOut(3);
    const text = await mergeSamples([
      { worker: 1, samples: await one.samples() },
      { worker: 2, samples: await two.samples() },
    ]);
    const lines = text.split('\n');
    for (const line of [
      'carillon_worker_up{worker="1"} 1',
      'carillon_worker_up{worker="2"} 1',
      'carillon_connections_opened_total{worker="1"} 1',
      'carillon_connections_opened_total{worker="2"} 2',
      'carillon_errors_total{worker="2",code="rate_limited"} 1',
      'carillon_fan_out_viewers_bucket{worker="1",le="2"} 0',
      'carillon_fan_out_viewers_bucket{worker="1",le="4"} 1',
      'carillon_fan_out_viewers_bucket{worker="1",le="+Inf"} 1',
      'carillon_fan_out_viewers_count{worker="2"} 0',
    ])
      expect(lines).toContain(line);
    for (const name of ['process_start_time_seconds', 'nodejs_eventloop_lag_p99_seconds'])
      expect(lines.filter((line) => line.startsWith(`${name}{worker="`))).toHaveLength(2);
  });

  it('name each metric once, and are all that each worker would say alone', async () => {
    const one = metrics();
    one.telemetry.messageIn('hb', 10);
    one.telemetry.login('fresh', 3);
    const alone = (await one.render()).text;
    const text = await mergeSamples([
      { worker: 7, samples: await one.samples() },
      { worker: 8, samples: await metrics().samples() },
    ]);
    const declared = (page: string): string[] =>
      page.split('\n').filter((line) => line.startsWith('# TYPE '));
    expect(declared(text).toSorted()).toEqual(
      [...declared(alone), '# TYPE carillon_worker_up gauge'].toSorted(),
    );
    const samplesOf = (page: string, worker: string): string[] =>
      page
        .split('\n')
        .filter((line) => line.startsWith('carillon_') && !line.startsWith('carillon_worker_up'))
        .filter((line) => worker === '' || line.includes(`worker="${worker}"`))
        .map((line) => line.replace(`worker="${worker}",`, '').replace(`{worker="${worker}"}`, ''));
    expect(samplesOf(text, '7').toSorted()).toEqual(samplesOf(alone, '').toSorted());
  });

  it('are one more than docs/metrics.md lists of a server alone', async () => {
    const page = readFileSync(new URL('../../../../../docs/metrics.md', import.meta.url), 'utf8');
    const [[name = '', type, help] = []] = tableAfter(page, '## Of the workers');
    const text = await mergeSamples([{ worker: 1, samples: null }]);
    expect(text.trim().split('\n').slice(0, 2)).toEqual([
      `# HELP ${name.slice(1, -1)} ${help}`,
      `# TYPE ${name.slice(1, -1)} ${type}`,
    ]);
  });

  it('are those of the workers that answer, and say which does not', async () => {
    const text = await mergeSamples([
      { worker: 1, samples: await metrics().samples() },
      { worker: 2, samples: null },
    ]);
    expect(text).toContain('carillon_worker_up{worker="2"} 0');
    expect(text).toContain('carillon_connections{worker="1"} 0');
    expect(text).not.toContain('carillon_connections{worker="2"}');
  });
});

describe('gathering', () => {
  const samples: never[] = [];

  it('resolves when everyone has answered, each asked once', async () => {
    const asked: string[] = [];
    const gathering = createSampleGathering({
      size: 3,
      ask: (worker, collection) => asked.push(`${worker} in ${collection}`) > 0,
      timeLimitMs: 2 ** 30,
    });
    const first = gathering.gather();
    const second = gathering.gather();
    for (const collection of [2, 1])
      for (const worker of [3, 1, 2]) gathering.answered(worker, collection, samples);
    const all = [1, 2, 3].map((worker) => ({ worker, samples }));
    expect(await first).toEqual(all);
    expect(await second).toEqual(all);
    expect(asked).toEqual(['1 in 1', '2 in 1', '3 in 1', '1 in 2', '2 in 2', '3 in 2']);
  });

  it('does not wait for a worker that does not run, nor for ever for one that hangs', async () => {
    const gathering = createSampleGathering({ size: 3, ask: (worker) => worker !== 2, timeLimitMs: 1 });
    const gathered = gathering.gather();
    gathering.answered(3, 1, samples);
    expect(await gathered).toEqual([
      { worker: 1, samples: null },
      { worker: 2, samples: null },
      { worker: 3, samples },
    ]);
    // What comes behind it is nobody's any more.
    gathering.answered(1, 1, samples);
  });

  it('takes no answer of whom it did not ask', async () => {
    const gathering = createSampleGathering({ size: 2, ask: (worker) => worker === 1, timeLimitMs: 2 ** 30 });
    const gathered = gathering.gather();
    gathering.answered(2, 1, samples);
    gathering.answered(1, 1, samples);
    expect(await gathered).toEqual([
      { worker: 1, samples },
      { worker: 2, samples: null },
    ]);
  });
});
