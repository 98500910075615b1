import type { Timer } from '../../ports/clock.ts';
import type { NodePorts } from '../node-options.ts';
import type { DocumentAccess, DocumentName } from './document-access.ts';
import type { Versions } from './versions.ts';

/** Nodes that saw the same change come to it at different moments within this, so that one is done when the others look; ms. */
const SPREAD_MS = 5_000;

/** When a version that could not be made is tried again, ms. */
const RETRY_MS = 30_000;

/** Makes versions by itself where documents change. */
export type AutomaticVersions = {
  /** The document has changed. Called for each change. */
  changed(channel: Pick<DocumentName, 'name' | 'params' | 'spec'>): void;
  readonly timers: number;
  stop(): void;
};

/**
 * A version is due `versionEveryMs` after the first change that is in none, and not sooner behind the newest one. What waits for it is
 * this node's: a node that goes down forgets, and the next change waits anew.
 */
export function createAutomaticVersions(
  { clock, secrets, telemetry }: Pick<NodePorts, 'clock' | 'secrets' | 'telemetry'>,
  access: Pick<DocumentAccess, 'store'>,
  versions: Pick<Versions, 'saveAutomatic'>,
): AutomaticVersions {
  const waiting = new Map<string, Timer>();
  let stopped = false;

  function wait(name: DocumentName, ms: number): void {
    if (stopped || waiting.has(name.name)) return;
    waiting.set(
      name.name,
      clock.setTimer(ms, () => {
        // What changes from here on is waited for anew.
        waiting.delete(name.name);
        void make(name);
      }),
    );
  }

  async function make(name: DocumentName): Promise<void> {
    const { versionEveryMs } = name.document;
    if (versionEveryMs === null) return;
    try {
      const [newest] = await access.store(name).versions(name.name, null, 1);
      // No further than its own time: the clock of whoever made it may be ahead.
      const ageMs = newest === undefined ? Infinity : Math.max(0, clock.nowMs() - newest.atMs);
      if (ageMs < versionEveryMs) wait(name, versionEveryMs - ageMs);
      else await versions.saveAutomatic(name);
    } catch (error) {
      telemetry.warn('version_failed', { channel: name.name, error: String(error) });
      wait(name, RETRY_MS);
    }
  }

  return {
    get timers() {
      return waiting.size;
    },
    changed({ name, params, spec }) {
      const { document } = spec;
      if (document === null || waiting.has(name)) return;
      const { versionEveryMs, versions: kept } = document;
      if (versionEveryMs === null || kept === 0) return;
      wait(
        { name, params, spec, document },
        versionEveryMs + secrets.fraction() * Math.min(SPREAD_MS, versionEveryMs / 4),
      );
    },
    stop() {
      stopped = true;
      for (const timer of waiting.values()) timer.cancel();
      waiting.clear();
    },
  };
}
