import { useSignal } from '@preact/signals';

/** Longest value the page lets one type, UTF-16 units; servers allow more, rows do not. */
const MAX_TYPED_LENGTH = 80;

type OwnFieldProps = {
  readonly label: string;
  /** What is set now. */
  readonly value: string;
  readonly placeholder: string;
  onSet(value: string): void;
};

/** A text that is sent when it is left or confirmed by Enter; Escape takes back what was typed since. */
export function OwnField({ label, value, placeholder, onSet }: OwnFieldProps) {
  /** What is being typed; null while nobody types. */
  const draft = useSignal<string | null>(null);
  const id = `own-${label.toLowerCase()}`;

  const commit = () => {
    const typed = draft.value?.trim();
    draft.value = null;
    if (typed !== undefined && typed !== value) onSet(typed);
  };

  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        maxLength={MAX_TYPED_LENGTH}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={draft.value ?? value}
        data-unsent={draft.value !== null && draft.value.trim() !== value ? '' : undefined}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit();
          if (event.key === 'Escape') draft.value = null;
        }}
        onBlur={commit}
      />
    </div>
  );
}
