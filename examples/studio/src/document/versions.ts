import type { DocumentProvider, DocumentVersion } from '@carillon/client/yjs';
import { type ReadonlySignal, signal } from '@preact/signals';
import * as Y from 'yjs';
import { codeOf } from '../lobby/error-code.ts';
import { FRAGMENT } from './schema.ts';

/** What became of a part of the text between a version and now. */
export type DiffPart = { readonly op: 'same' | 'added' | 'removed'; readonly text: string };

/** A version that is being looked at. */
export type ShownVersion = {
  readonly version: DocumentVersion;
  /** The text as it was; null: it is on its way. */
  readonly text: Y.XmlFragment | null;
  /** What has changed since; null: it is on its way. */
  readonly diff: readonly DiffPart[] | null;
};

/** Versions that the slider reaches at most: the newest. */
const REACHED = 100;

/** Behind a change by others the difference is asked for anew at most this often, ms. */
const DIFF_EVERY_MS = 1_000;

export type Versions = {
  /** Oldest first. */
  readonly list: ReadonlySignal<readonly DocumentVersion[]>;
  /** Null: now. */
  readonly shown: ReadonlySignal<ShownVersion | null>;
  /** Whether one is being saved or restored. */
  readonly busy: ReadonlySignal<boolean>;
  reload(): void;
  /** @param id null: now */
  show(id: string | null): void;
  save(name: string): void;
  /** Makes the document what it was in the version that is shown, and shows it. */
  restore(): void;
  close(): void;
};

/**
 * @param complain told what failed, as a sentence
 * @param onMade one was saved, or restored
 */
export function createVersions(
  provider: DocumentProvider,
  complain: (sentence: string) => void,
  onMade: () => void,
): Versions {
  const list = signal<readonly DocumentVersion[]>([]);
  const shown = signal<ShownVersion | null>(null);
  const busy = signal(false);
  let pause: ReturnType<typeof setTimeout> | null = null;

  function failed(what: string): (error: unknown) => void {
    return (error) => {
      const code = codeOf(error);
      // Whoever closed the page knows, and whoever was shut out is told so elsewhere.
      if (code !== 'cancelled') complain(`${what} (${code}).`);
    };
  }

  async function reload(): Promise<void> {
    const page = await provider.versions({ limit: REACHED });
    list.value = page.versions.toReversed();
  }

  function isShown(id: string): boolean {
    return shown.value?.version.id === id;
  }

  async function readDiff(id: string): Promise<void> {
    const diff = partsOf(await provider.diff(id));
    if (shown.value !== null && isShown(id)) shown.value = { ...shown.value, diff };
  }

  async function readText(id: string): Promise<void> {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, await provider.viewVersion(id));
    if (shown.value !== null && isShown(id))
      shown.value = { ...shown.value, text: doc.getXmlFragment(FRAGMENT) };
  }

  function show(id: string | null): void {
    const version = list.value.find((each) => each.id === id);
    if (version === undefined) {
      shown.value = null;
      return;
    }
    if (isShown(version.id)) return;
    shown.value = { version, text: null, diff: null };
    Promise.all([readText(version.id), readDiff(version.id)]).catch((error: unknown) => {
      if (isShown(version.id)) shown.value = null;
      failed('That version cannot be shown')(error);
    });
  }

  function onUpdate(): void {
    if (shown.value === null || pause !== null) return;
    pause = setTimeout(() => {
      pause = null;
      if (shown.value !== null)
        readDiff(shown.value.version.id).catch(failed('The difference cannot be shown'));
    }, DIFF_EVERY_MS);
  }

  async function whileBusy(what: string, run: () => Promise<void>): Promise<void> {
    busy.value = true;
    await run().catch(failed(what));
    busy.value = false;
  }

  provider.on('update', onUpdate);
  return {
    list,
    shown,
    busy,
    reload: () => void reload().catch(failed('The versions cannot be listed')),
    show,
    save: (name) =>
      void whileBusy('The version was not saved', async () => {
        // What is on its way would not be in it.
        await provider.whenSaved();
        await provider.saveVersion(name);
        onMade();
        await reload();
      }),
    restore() {
      const { value } = shown;
      if (value === null) return;
      void whileBusy('The version was not restored', async () => {
        await provider.restore(value.version.id);
        shown.value = null;
        // The server has kept what was there before.
        onMade();
        await reload();
      });
    },
    close() {
      provider.off('update', onUpdate);
      if (pause !== null) clearTimeout(pause);
    },
  };
}

/** Of the text alone; what else may be in the document is not shown. */
function partsOf(diff: unknown): readonly DiffPart[] {
  if (!Array.isArray(diff)) return [];
  const root = (diff as readonly { readonly root: string; readonly parts: readonly DiffPart[] }[]).find(
    (each) => each.root === FRAGMENT,
  );
  // Each element ends its line, so that one in another ends it twice.
  return root?.parts.map(({ op, text }) => ({ op, text: text.replaceAll(/\n{2,}/g, '\n') })) ?? [];
}
