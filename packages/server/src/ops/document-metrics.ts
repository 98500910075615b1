import { Gauge, type Registry } from 'prom-client';
import type { Telemetry } from '../ports/telemetry.ts';
import type { DocumentSizes } from '../runtime/documents/documents-api.ts';
import type { NodeCounts } from '../runtime/node-api.ts';
import { createInstruments } from './instruments.ts';
import { createSizeHistogram } from './size-histogram.ts';

/** The part of the reports that is about documents. */
export type DocumentTelemetry = Pick<
  Telemetry,
  'documentUpdate' | 'documentJoined' | 'documentCompacted' | 'documentVersion'
>;

/** How much there is of documents on a node, and what is done about them. */
export type MeasuredDocuments = DocumentSizes & {
  /** Jobs that wait for a worker, or are being done. */
  readonly jobs: number;
  /** Documents that jobs made and that are still in memory; rejects where the workers cannot be asked. */
  retained(): Promise<number>;
};

export type DocumentMetrics = {
  readonly telemetry: DocumentTelemetry;
  /** Names the node whose documents are read at each scrape; null: it has none. */
  watch(sizes: () => MeasuredDocuments | null): void;
};

/** What is measured of documents. */
export function createDocumentMetrics(registry: Registry, counts: () => NodeCounts): DocumentMetrics {
  let sizes: () => MeasuredDocuments | null = () => null;
  const { counterBy } = createInstruments(registry, counts);

  /** As of the scrape before: the workers collect for it, and answer behind the jobs that they are at. */
  let retained = 0;
  let isAsking = false;

  function askRetained(now: MeasuredDocuments): void {
    if (isAsking) return;
    isAsking = true;
    now.retained().then(
      (count) => {
        isAsking = false;
        retained = count;
      },
      () => {
        // The workers are being replaced, or the server stops: the next scrape asks again.
        isAsking = false;
      },
    );
  }

  function gauge(name: string, help: string, read: (now: MeasuredDocuments) => number): void {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const now = sizes();
        this.set(now === null ? 0 : read(now));
      },
    });
  }

  gauge('carillon_documents', 'Documents that are open on this node.', ({ open }) => open);
  gauge(
    'carillon_document_snapshot_bytes',
    'Bytes of the snapshots of open documents.',
    ({ snapshotBytes }) => snapshotBytes,
  );
  gauge(
    'carillon_document_tail_bytes',
    'Bytes of the updates of open documents that are in no snapshot yet: where it only grows, compaction fails.',
    ({ tailBytes }) => tailBytes,
  );
  gauge(
    'carillon_document_people',
    'Client ids by which people are seen in open documents, those of other nodes included.',
    ({ people }) => people,
  );
  gauge(
    'carillon_document_jobs',
    'Jobs of documents that wait for a worker or are being done.',
    (now) => now.jobs,
  );
  gauge(
    'carillon_documents_retained',
    'Documents of jobs that are done and that are still in the memory of a worker, as of the scrape before: more than a few that stay are a leak.',
    (now) => {
      askRetained(now);
      return retained;
    },
  );
  const updates = counterBy(
    'carillon_document_updates_total',
    'result',
    'Updates of documents by `result`: `taken`, `known` (all of it was there), or the code it was refused with.',
  );
  const updateBytes = createSizeHistogram(registry, {
    name: 'carillon_document_update_bytes',
    help: 'Bytes of the updates of documents that were taken.',
    highestPower: 26,
    unit: 1,
  });
  const joins = counterBy(
    'carillon_document_joins_total',
    'way',
    'Joins of documents by the `way` the content came: `position` (what was missed), `state`, `difference` (what the state vector lacks).',
  );
  const compactions = counterBy(
    'carillon_document_compactions_total',
    'result',
    'Compactions of documents by `result`: `done`, `failed` (tried again).',
  );
  const compacting = createSizeHistogram(registry, {
    name: 'carillon_document_compaction_seconds',
    help: 'From the beginning of a compaction to the snapshot that is kept.',
    highestPower: 17,
    unit: 0.001,
  });
  const versions = counterBy(
    'carillon_document_versions_total',
    'made',
    'Versions of documents that were `made`: `asked` (by somebody), `automatic`.',
  );

  return {
    telemetry: {
      documentUpdate(result, bytes) {
        updates.add(result);
        if (result === 'taken') updateBytes.observe(bytes);
      },
      documentJoined(way) {
        joins.add(way);
      },
      documentCompacted(done, durationMs) {
        compactions.add(done ? 'done' : 'failed');
        if (done) compacting.observe(durationMs);
      },
      documentVersion(made) {
        versions.add(made);
      },
    },
    watch(given) {
      sizes = given;
    },
  };
}
