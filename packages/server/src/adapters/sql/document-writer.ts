import { partsOf } from '../../core/document/state-parts.ts';
import type { DocumentWrite } from './document-messages.ts';
import type { DocumentWrites } from './document-queries.ts';
import { boundPart } from './document-tables.ts';
import { toUnits } from './log-tables.ts';
import type { Statements } from './statements.ts';

/**
 * Documents as the log's thread writes them, within its transaction.
 *
 * @returns whether a snapshot was kept, or a version was there
 */
export function createDocumentWriter(write: Statements<DocumentWrites>): (asked: DocumentWrite) => boolean {
  function addState(state: Uint8Array): number {
    const id = Number(write.addState.run(state.byteLength).lastInsertRowid);
    for (const [part, content] of partsOf(state).entries()) write.addPart.run(id, part, boundPart(content));
    return id;
  }

  function dropState(state: number | undefined): void {
    if (state === undefined) return;
    write.dropParts.run(state);
    write.dropState.run(state);
  }

  function put(asked: DocumentWrite & { kind: 'put' }): boolean {
    const { channel, epoch, offset, vector, owners, state, replaces } = asked;
    const before = write.keptDocument.get(channel);
    if (before?.epoch !== replaces?.epoch || before?.offset !== replaces?.offset) return false;
    dropState(before?.state);
    write.putDocument.run(channel, epoch, offset, vector, owners, addState(state), state.byteLength);
    return true;
  }

  function addVersion(asked: DocumentWrite & { kind: 'addVersion' }): boolean {
    const { channel, name, atMs, by, epoch, offset, state } = asked;
    const id = toUnits(asked.id);
    const before = write.keptVersion.get(channel, id);
    dropState(before?.state);
    write.putVersion.run(channel, id, name, atMs, by, epoch, offset, addState(state), state.byteLength);
    return before !== undefined;
  }

  function removeVersion(channel: string, id: Buffer): boolean {
    const before = write.keptVersion.get(channel, id);
    if (before === undefined) return false;
    dropState(before.state);
    write.dropVersion.run(channel, id);
    return true;
  }

  function forget(channel: string): boolean {
    const before = write.keptDocument.get(channel);
    dropState(before?.state);
    for (const { state } of write.keptVersions.all(channel)) dropState(state);
    write.dropDocument.run(channel);
    write.dropVersions.run(channel);
    return before !== undefined;
  }

  return (asked) => {
    switch (asked.kind) {
      case 'put':
        return put(asked);
      case 'addVersion':
        return addVersion(asked);
      case 'removeVersion':
        return removeVersion(asked.channel, toUnits(asked.id));
      case 'forget':
        return forget(asked.channel);
    }
  };
}
