import { guarded } from './listeners.ts';
import type { WebSocketLike } from './platform.ts';
import {
  type Ladder,
  type Lines,
  type LinesParts,
  type Loss,
  DOUBTS,
  EARLY_MS,
  lossOf,
  memoryKey,
  siblingUrl,
} from './transports/ways.ts';

/**
 * The lines of a connection: WebSocket, for as long as it works. Where it does not, and the server answers by HTTP all
 * the same, the module with the other ways is loaded, and takes over.
 */
export function createLines(parts: LinesParts): Lines {
  const { platform, url, fetch, transports } = parts;
  const WebSocket = transports.includes('websocket') ? parts.WebSocket : null;
  const [first, ...others] = transports;
  let ladder: Ladder | null = null;
  let asking: AbortController | null = null;
  let failures = 0;
  let hasWorked = false;

  async function load(): Promise<Ladder> {
    const { createLadder } = await import('./transports/ladder.ts');
    return (ladder ??= createLadder(parts));
  }

  function open(give: (socket: WebSocketLike) => void): void {
    if (WebSocket !== null) give(new WebSocket(url));
  }

  async function dialByLadder(give: (socket: WebSocketLike) => void): Promise<void> {
    try {
      (await load()).dial(give);
    } catch (error) {
      // The module could not be had, or a policy of the page forbids the way that was remembered.
      platform.report(error);
      guarded(() => open(give), platform.report);
    }
  }

  /** Whether it is the server that does not answer, or only WebSocket that does not work. */
  async function suspect(loss: Loss): Promise<void> {
    if (fetch === null) return;
    asking?.abort();
    const { signal } = (asking = new AbortController());
    try {
      const answer = await fetch(siblingUrl(url, 'poll'), {
        method: 'POST',
        body: '{"line":"-","ack":0}',
        signal,
        redirect: 'error',
      });
      const { code } = (await answer.json()) as { readonly code?: unknown };
      // Proxies and the app's own server have errors with codes too: only this one answer shows that it is the server.
      if (code !== 'line_unknown' || signal.aborted) return;
      (await load()).lost(loss);
    } catch {
      // No way leads to the server now, or the module could not be had: WebSocket is as good as any.
    }
  }

  function remembers(): boolean {
    let found = false;
    // Storage may refuse even to be asked; then nothing was kept.
    guarded(
      () => (found = parts.storage?.getItem(memoryKey(url)) != null),
      () => {},
    );
    return found;
  }

  return {
    dial(give) {
      if (ladder !== null) return ladder.dial(give);
      if (first === 'websocket' && (hasWorked || failures > 0 || others.length === 0 || !remembers()))
        return open(give);
      void dialByLadder(give);
    },
    follow(before, after) {
      if (ladder !== null) return ladder.follow(before, after);
      if (after.name === 'idle' || after.name === 'stopped') asking?.abort();
      if (after.name === 'live') hasWorked = true;
      const loss = lossOf(before, after, platform.nowMs());
      if (loss === null || others.length === 0) return;
      if (loss.worked) failures = 0;
      else failures++;
      if (loss.worked ? loss.livedMs < EARLY_MS : !hasWorked || failures >= DOUBTS) void suspect(loss);
    },
    wake: (moved) => ladder?.wake(moved),
    transport: () => (ladder === null ? 'websocket' : ladder.transport()),
  };
}
