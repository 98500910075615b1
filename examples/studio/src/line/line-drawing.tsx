import type { ConnectionView } from '../session/studio-session.ts';

type LineDrawingProps = { readonly status: ConnectionView['status']; readonly isCut: boolean };

/** This tab, the server, and what is between them; the words beside it say the same. */
export function LineDrawing({ status, isCut }: LineDrawingProps) {
  return (
    <div class="line-drawing" data-state={isCut ? 'cut' : status} aria-hidden="true">
      <span class="line-end">this tab</span>
      <svg viewBox="0 0 120 24" preserveAspectRatio="none">
        {isCut ? (
          <>
            <path d="M0 12H50" />
            <path d="M70 12H120" />
            <path class="line-snip" d="M54 6l4 12M62 6l4 12" />
          </>
        ) : (
          <path class="line-wire" d="M0 12H120" />
        )}
      </svg>
      <span class="line-end">server</span>
    </div>
  );
}
