import { useSignal } from '@preact/signals';

/** How long "Copied" stands on the button, ms. */
const COPIED_MS = 1600;

type CopyButtonProps = {
  /** Said to screen readers where "Copy" alone does not say what. */
  readonly label?: string;
  readonly disabled?: boolean;
  /** What goes to the clipboard, asked for when it is wanted. */
  text(): string;
};

export function CopyButton({ label, disabled = false, text }: CopyButtonProps) {
  /** How the last attempt went, for a moment. */
  const outcome = useSignal<'Copied' | 'Not allowed' | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      outcome.value = 'Copied';
    } catch {
      // The browser keeps the clipboard from this page; there is nothing else the page could do.
      outcome.value = 'Not allowed';
    }
    setTimeout(() => {
      outcome.value = null;
    }, COPIED_MS);
  };
  return (
    <>
      <button
        type="button"
        class="small copy"
        disabled={disabled}
        aria-label={outcome.value === null ? label : undefined}
        onClick={() => void copy()}
      >
        {outcome.value ?? 'Copy'}
      </button>
      <span class="unseen" role="status">
        {outcome}
      </span>
    </>
  );
}
