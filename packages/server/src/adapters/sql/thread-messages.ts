import type { FollowResult, ImportResult } from '../../ports/directory.ts';
import type { PackedNames } from '../../ports/packed-names.ts';
import type { QueryTexts } from './compile.ts';
import type { DirectoryWrites } from './directory-writes.ts';
import type { KeptWrites } from './kept-writes.ts';

/** The writes that the writer thread knows: the arguments each takes, and what it gives. */
export type Writes = KeptWrites & {
  putSession: {
    args: [
      id: string,
      user: string,
      device: string,
      generation: number,
      tokenHash: string,
      previousTokenHash: string | null,
      detachedAtMs: number | null,
    ];
    result: undefined;
  };
  dropSession: { args: [id: string]; result: undefined };
  putDevice: {
    args: [
      user: string,
      device: string,
      status: string,
      fields: string,
      changedAt: number,
      leaseExpiresAtMs: number | null,
    ];
    result: undefined;
  };
  dropDevice: { args: [user: string, device: string]; result: undefined };
  alive: { args: [nowMs: number, stamp: number, wallMs?: number]; result: undefined };
  ensureUser: { args: [user: string]; result: boolean };
  follow: {
    args: [follower: string, followee: string, at: number, followsPerUser: number];
    result: FollowResult;
  };
  unfollow: { args: [follower: string, followee: string, at: number]; result: boolean };
  block: { args: [user: string, other: string, at: number]; result: boolean };
  unblock: { args: [user: string, other: string, at: number]; result: boolean };
  setClose: { args: [user: string, other: string, close: boolean, at: number]; result: boolean };
  recordLastSeen: { args: [user: string, ms: number]; result: undefined };
  noteLate: { args: [from: number, until: number]; result: undefined };
  erase: { args: [user: string, at: number]; result: readonly string[] };
};

export type WriteName = keyof Writes;

/** One write, as it crosses to the thread. Flat, because thousands may be cloned in one turn. */
export type Write = { [Name in WriteName]: readonly [name: Name, ...args: Writes[Name]['args']] }[WriteName];

export type WriteHandlers = {
  readonly [Name in WriteName]: (...args: Writes[Name]['args']) => Writes[Name]['result'];
};

/** What to commit together, in this order. */
export type Batch = {
  readonly kind: 'batch';
  readonly batch: number;
  readonly durable: boolean;
  readonly writes: readonly Write[];
};

/** A part of an import: follower and followee by turns. */
export type ImportPiece = { readonly kind: 'piece'; readonly import: number; readonly names: PackedNames };

/** Runs an import whose pieces have all been sent. */
export type RunImport = {
  readonly kind: 'import';
  readonly import: number;
  readonly at: number;
  readonly followsPerUser: number;
};

export type ToThread = Batch | ImportPiece | RunImport | { readonly kind: 'close' };

/** `changed` may be thousands of names. */
export type PackedImportResult = Omit<ImportResult, 'changed'> & { readonly changed: PackedNames };

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'not_ready'; readonly message: string; readonly code: string }
  /** `results` is null where every write gives nothing. */
  | { readonly kind: 'committed'; readonly batch: number; readonly results: readonly unknown[] | null }
  | { readonly kind: 'refused'; readonly batch: number; readonly message: string }
  | { readonly kind: 'imported'; readonly import: number; readonly result: PackedImportResult }
  | { readonly kind: 'import_refused'; readonly import: number; readonly message: string };

export type ThreadData = { readonly path: string; readonly directory: QueryTexts<DirectoryWrites> };
