import type { Client } from '@carillon/client';
import { indexedDbStore } from '@carillon/client/outbox';
import { type DocumentInfo, type DocumentProvider, openDocument } from '@carillon/client/yjs';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Person } from '../account/person.ts';
import type { contract } from '../contract.ts';
import { codeOf } from '../lobby/error-code.ts';
import { type Comments, createComments } from './comments.ts';
import { EDITS_MS, type PersonHere, peopleHere } from './people-here.ts';
import type { Role } from './role.ts';
import type { RoleTableView } from './role-table.ts';
import { type Versions, createVersions } from './versions.ts';

/** The one document of the page. */
const ID = 'studio';

/** A server that is well has kept a change by then, ms. */
const SLOW_MS = 3_000;

/** A change of the own role, for the one who has it. */
export type RoleChange = { readonly from: Role; readonly to: Role };

/** The document as one person's page has it open. */
export type DocumentDesk = {
  readonly provider: DocumentProvider;
  readonly info: ReadonlySignal<DocumentInfo>;
  /** Whether changes wait for longer than a server takes that is well. */
  readonly isSlow: ReadonlySignal<boolean>;
  readonly here: ReadonlySignal<readonly PersonHere[]>;
  /** Rises when another Y.Doc takes the place of the one that was there: an editor is bound anew. */
  readonly life: ReadonlySignal<number>;
  /** The last change of the own role that was not dismissed; null: none. */
  readonly roleChange: ReadonlySignal<RoleChange | null>;
  dismissRoleChange(): void;
  /** Null: not known. */
  readonly roles: ReadonlySignal<RoleTableView | null>;
  /** The role that is being given; null: none. It holds once the server has answered. */
  readonly giving: ReadonlySignal<{ readonly user: string; readonly role: Role } | null>;
  setRole(user: string, role: Role): void;
  readonly comments: Comments;
  readonly versions: Versions;
  /** Follows the document again where it had ended. */
  retry(): void;
  /** Throws away what the server refused. */
  discard(): void;
  close(): void;
};

/** @param complain told what was refused, as a sentence */
export function openDocumentDesk(
  client: Client<typeof contract>,
  { user }: Person,
  complain: (sentence: string) => void,
): DocumentDesk {
  const provider = openDocument(client, 'doc:{id}', { id: ID }, { store: indexedDbStore() });
  const info = signal(provider.info.get());
  const isSlow = signal(false);
  const here = signal<readonly PersonHere[]>([]);
  const life = signal(0);
  const roleChange = signal<RoleChange | null>(null);
  const roles = signal<RoleTableView | null>(null);
  const giving = signal<{ readonly user: string; readonly role: Role } | null>(null);
  const comments = createComments(client, ID, complain);
  const versions = createVersions(provider, complain, () => {
    versionsMadeMs = Date.now();
    tell('versionsMadeMs', versionsMadeMs);
  });
  /** When the newest version was made that this page has heard of, ms since the epoch by whose page made it. */
  let versionsMadeMs = 0;
  let slowTimer: ReturnType<typeof setTimeout> | null = null;
  let editsTimer: ReturnType<typeof setTimeout> | null = null;

  const tell = (field: string, value: unknown): void => provider.awareness.setLocalStateField(field, value);

  function onAwareness(): void {
    here.value = peopleHere(provider, user);
    const newestMs = [...provider.awareness.getStates().values()].reduce(
      (newest, { versionsMadeMs: atMs }) => (typeof atMs === 'number' && atMs > newest ? atMs : newest),
      0,
    );
    if (newestMs <= versionsMadeMs) return;
    versionsMadeMs = newestMs;
    versions.reload();
  }

  function onTransaction(
    _: Uint8Array,
    __: unknown,
    ___: unknown,
    { local }: { readonly local: boolean },
  ): void {
    if (!local) return;
    if (editsTimer === null) tell('edits', true);
    else clearTimeout(editsTimer);
    editsTimer = setTimeout(() => {
      editsTimer = null;
      tell('edits', false);
    }, EDITS_MS);
  }

  function bind(): void {
    provider.awareness.on('change', onAwareness);
    provider.doc.on('update', onTransaction);
    tell('role', info.value.role);
    onAwareness();
  }

  function watchSlowness({ status, saved }: DocumentInfo): void {
    const waits = status === 'live' && saved.unsent + saved.unsaved > 0;
    if (waits && slowTimer === null)
      slowTimer = setTimeout(() => {
        isSlow.value = true;
      }, SLOW_MS);
    if (waits) return;
    if (slowTimer !== null) clearTimeout(slowTimer);
    slowTimer = null;
    isSlow.value = false;
  }

  function onRole(from: Role | null, to: Role | null): void {
    if (to !== null) tell('role', to);
    if (to === null || from === null) return;
    roleChange.value = { from, to };
    readRoles();
  }

  function readRoles(): void {
    client.call('doc.roles', {}).then(
      (table) => {
        roles.value = table;
      },
      // Whoever is shut out is told so by the document itself.
      () => {
        roles.value = null;
      },
    );
  }

  provider.on('change', (next) => {
    const before = info.value;
    info.value = next;
    watchSlowness(next);
    if (next.role !== before.role) onRole(before.role, next.role);
    if (next.status === 'live' && before.status !== 'live') {
      versions.reload();
      readRoles();
      // Its state is of no use to whoever comes back from being shut out.
      if (comments.state.value.status === 'failed' || comments.state.value.status === 'idle') comments.open();
    }
  });
  provider.on('reload', () => {
    bind();
    life.value++;
  });
  bind();

  return {
    provider,
    info,
    isSlow,
    here,
    life,
    roleChange,
    dismissRoleChange() {
      roleChange.value = null;
    },
    roles,
    giving,
    setRole(other, role) {
      const given = { user: other, role };
      giving.value = given;
      client
        .call('doc.setRole', given)
        .then(
          (table) => {
            roles.value = table;
          },
          (error: unknown) => complain(`The role was not changed (${codeOf(error)}).`),
        )
        .finally(() => {
          if (giving.value === given) giving.value = null;
        });
    },
    comments,
    versions,
    retry() {
      provider.connect();
      comments.open();
    },
    discard: () => provider.discard(),
    close() {
      versions.close();
      if (slowTimer !== null) clearTimeout(slowTimer);
      if (editsTimer !== null) clearTimeout(editsTimer);
      void provider.close();
    },
  };
}
