import type {
  AuthorRun,
  DocumentDiff,
  DocumentEdit,
  DocumentJson,
  DocumentParts,
  JobRefused,
} from '../../ports/document-engine.ts';

/** The jobs of the engine: what each is asked, and what it gives. Both cross between threads. */
export type Jobs = {
  compact: {
    asked: { readonly parts: DocumentParts };
    done: { readonly state: Uint8Array; readonly vector: ReadonlyMap<number, number> };
  };
  diffUpdate: {
    asked: { readonly parts: DocumentParts; readonly vector: Uint8Array };
    done: { readonly update: Uint8Array };
  };
  prune: {
    asked: { readonly parts: DocumentParts; readonly update: Uint8Array };
    done: { readonly update: Uint8Array | null };
  };
  restore: {
    asked: { readonly parts: DocumentParts; readonly target: Uint8Array; readonly client: number };
    done: { readonly update: Uint8Array | null };
  };
  edit: {
    asked: {
      readonly parts: DocumentParts;
      readonly edits: readonly DocumentEdit[];
      readonly client: number;
    };
    done: { readonly update: Uint8Array | null };
  };
  compare: {
    asked: { readonly before: DocumentParts; readonly after: DocumentParts };
    done: { readonly diff: DocumentDiff };
  };
  json: { asked: { readonly parts: DocumentParts }; done: { readonly json: DocumentJson } };
  authors: {
    asked: { readonly parts: DocumentParts };
    done: { readonly roots: Readonly<Record<string, readonly AuthorRun[]>> };
  };
};

export type JobName = keyof Jobs;
export type Asked<Name extends JobName> = Jobs[Name]['asked'];
export type Done<Name extends JobName> = ({ readonly ok: true } & Jobs[Name]['done']) | JobRefused;
