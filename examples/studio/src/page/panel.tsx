import type { ComponentChildren } from 'preact';

type PanelProps = {
  /** Names the panel in the address and for the styles. */
  readonly id: string;
  readonly title: string;
  /** Beside the title: a count, a state. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
};

/** A titled region of the desk. */
export function Panel({ id, title, aside, children }: PanelProps) {
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {aside !== undefined && <div class="panel-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}
