type Child = Node | string | null;

type Properties = {
  readonly class?: string;
  /** Attributes as they are written in HTML. Never a style or a handler: a page's policy may forbid both. */
  readonly [attribute: string]: string | (() => void) | undefined;
  readonly onClick?: () => void;
};

/** An element with its attributes and children. Texts become text: what a server or a user sends is never read as HTML. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  { onClick, ...attributes }: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (typeof value === 'string') element.setAttribute(name, value);
  if (onClick !== undefined) element.addEventListener('click', onClick);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Leaves the element alone where it says so already: a text that is set anew loses what is selected in it. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** One element for each item, kept for as long as the item is there: what is open, focused or scrolled stays so. */
export type Rows<Item> = {
  /** @param items in the order in which they stand */
  show(items: Iterable<Item>): void;
};

export function createRows<Item>(
  list: HTMLElement,
  keyOf: (item: Item) => string,
  makeRow: (item: Item) => { readonly element: HTMLElement; update(item: Item): void },
): Rows<Item> {
  type Row = ReturnType<typeof makeRow>;
  let rows = new Map<string, Row>();
  return {
    show(items) {
      const next = new Map<string, Row>();
      let place = list.firstElementChild;
      for (const item of items) {
        const key = keyOf(item);
        const row = rows.get(key) ?? makeRow(item);
        row.update(item);
        next.set(key, row);
        if (row.element === place) place = place.nextElementSibling;
        else list.insertBefore(row.element, place);
      }
      for (const [key, { element }] of rows) if (!next.has(key)) element.remove();
      rows = next;
    },
  };
}
