import { channelTopic } from '../../ports/broker.ts';
import type { Keys } from './keys.ts';
import { toUnits } from './log-text.ts';
import { loadScript, type Script } from './script.ts';

const TAKING = ['document-taking'];

export const DOCUMENT_SCRIPTS = {
  stage: loadScript('document-stage'),
  put: loadScript('document-put', TAKING),
  version: loadScript('document-version', TAKING),
  versions: loadScript('document-versions'),
  unversion: loadScript('document-unversion'),
  forget: loadScript('document-forget'),
} satisfies Record<string, Script>;

/** The keys of a document, in the slot of its channel. */
export type DocumentKeys = {
  readonly head: string;
  readonly state: string;
  /** Ids of versions in their order, and what is said of each. */
  readonly ids: string;
  readonly heads: string;
  version(id: string): string;
  /** Where the parts of a state are until all of them are there. */
  aside(name: string): string;
};

export function documentKeys(keys: Keys, channel: string): DocumentKeys {
  const head = keys.of(channelTopic(channel), 'document');
  return {
    head,
    state: `${head}:state`,
    ids: `${head}:versions`,
    heads: `${head}:version-heads`,
    version: (id) => `${head}:version:${toUnits(id).toString('hex')}`,
    aside: (name) => `${head}:aside:${name}`,
  };
}
