import { type StandardSchema, defineContract, document, stream } from '@carillon/contract';
import type { Awareness } from 'y-protocols/awareness';
import type { Doc } from 'yjs';
import { createClient } from '../src/index.ts';
import { type DocumentProvider, type Saved, openDocument } from '../src/yjs/index.ts';

// Checked by the compiler alone: each line after an `@ts-expect-error` must be an error.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

declare const text: StandardSchema<string>;

const contract = defineContract({
  channels: {
    'doc:{id}': document(),
    handbook: document(),
    'chat:{room}': stream({ data: text }),
  },
});

const client = createClient<typeof contract>({ url: '/ws', username: 'alice', token: 'x' });
const provider = openDocument(client, 'doc:{id}', { id: '1' }, { delayMs: 5 });
openDocument(client, 'handbook');
openDocument(client, 'handbook', {}, { connect: false });

holds<Same<typeof provider, DocumentProvider>>();
holds<Same<typeof provider.doc, Doc>>();
holds<Same<typeof provider.awareness, Awareness>>();
holds<Same<typeof provider.saved, Saved>>();
holds<Same<typeof provider.role, 'none' | 'read' | 'comment' | 'write' | null>>();

// @ts-expect-error TS2345: a stream is no document
openDocument(client, 'chat:{room}', { room: '1' });
// @ts-expect-error TS2345: no such pattern
openDocument(client, 'docs:{id}', { id: '1' });
// @ts-expect-error TS2353: no such parameter
openDocument(client, 'doc:{id}', { name: '1' });
// @ts-expect-error TS2353: no such option
openDocument(client, 'doc:{id}', { id: '1' }, { delay: 5 });
// @ts-expect-error TS2345: no such event
provider.on('synced', () => {});

provider.on('reload', (doc) => holds<Same<typeof doc, Doc>>());
provider.on('sync', (isSynced) => holds<Same<typeof isSynced, boolean>>());

// A client without a contract opens any channel, by its whole name too.
const any = createClient({ url: '/ws', username: 'alice', token: 'x' });
openDocument(any, 'doc:1');
openDocument(any, 'doc:{id}', { id: '1' });
