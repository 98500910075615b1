import { CopyButton } from '../page/copy-button.tsx';
import { Panel } from '../page/panel.tsx';
import { WireMessages } from './wire-messages.tsx';
import { WireScore } from './wire-score.tsx';
import { type Total, type WireLog, KEPT_MESSAGES } from './wire-log.ts';
import { wireLine } from './wire-entry.ts';

/** Every message of this tab's connection, with its size. */
export function WirePanel({
  session: { wire, toggleDevtools },
}: {
  readonly session: { readonly wire: WireLog; toggleDevtools(): Promise<void> };
}) {
  const hidden = wire.hiddenHeartbeats.value;
  return (
    <Panel id="wire" title="Wire" aside={<Totals up={wire.up.value} down={wire.down.value} />}>
      <WireScore wire={wire} />
      <div class="wire-tools" role="group" aria-label="Wire log">
        <button
          type="button"
          class="small"
          aria-pressed={wire.isPaused.value}
          onClick={() => wire.setPaused(!wire.isPaused.value)}
        >
          Pause
        </button>
        <CopyButton
          disabled={wire.shown.value.length === 0}
          text={() => wire.shown.value.map(wireLine).join('\n')}
        />
        <button type="button" class="small quiet" onClick={() => wire.clear()}>
          Clear
        </button>
        <button type="button" class="small" onClick={() => void toggleDevtools()}>
          Devtools
        </button>
        <label class="check">
          <input
            type="checkbox"
            checked={wire.withHeartbeats.value}
            onChange={(event) => {
              wire.withHeartbeats.value = event.currentTarget.checked;
            }}
          />
          Heartbeats{hidden > 0 ? ` (${hidden})` : ''}
        </label>
      </div>
      <WireMessages entries={wire.shown.value} />
      <p class="hint wire-foot">
        Newest first, the last {KEPT_MESSAGES}. Sizes are UTF-8 bytes of the text; tokens are shortened.
      </p>
    </Panel>
  );
}

function Totals({ up, down }: { readonly up: Total; readonly down: Total }) {
  return (
    <span class="wire-totals">
      <span title={`${up.messages} messages sent`}>
        <span aria-hidden="true">↑</span>
        <span class="unseen">sent</span> {sizeText(up.bytes)}
      </span>
      <span title={`${down.messages} messages received`}>
        <span aria-hidden="true">↓</span>
        <span class="unseen">received</span> {sizeText(down.bytes)}
      </span>
    </span>
  );
}

/** "312 B", "4.1 KB" with 1 KB = 1,000 bytes. */
function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1_000_000).toFixed(2)} MB`;
}
