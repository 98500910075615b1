import type { PresenceRecord } from '../../ports/presence.ts';
import { type ChangeMask, TRANSITION } from '../outbox/frame.ts';
import type { FieldSpec } from './fields.ts';
import { SEE_LAST_SEEN, SEE_STATUS, type ViewMask, fieldBit } from './visibility.ts';

// These run once a change and audience; the text is put together by hand so that nothing is built to be thrown away.

/**
 * The message that tells a viewer of a change.
 *
 * @param idJson the user id as a JSON string, quoted once
 * @returns null when the viewer may see nothing of the change
 */
export function changeMessage(
  specs: readonly FieldSpec[],
  idJson: string,
  record: PresenceRecord,
  change: ChangeMask,
  view: ViewMask,
): string | null {
  if ((view & SEE_STATUS) === 0) return null;
  if ((change & TRANSITION) !== 0) {
    return record.s === 'Offline'
      ? offlineMessage(idJson, record, view)
      : onlineMessage(specs, idJson, record, view);
  }
  const visible = change & view;
  if (visible === 0 || record.s === 'Offline') return null;
  let text = `{"t":"u","id":${idJson}`;
  if ((visible & SEE_STATUS) !== 0) text += `,"s":"${record.s}"`;
  for (let i = 0; i < specs.length; i++) {
    if ((visible & fieldBit(i)) === 0) continue;
    const name = (specs[i] as FieldSpec).name;
    text += `,"${name}":${JSON.stringify(record.fields[name] ?? '')}`;
  }
  return `${text}}`;
}

function onlineMessage(
  specs: readonly FieldSpec[],
  idJson: string,
  record: PresenceRecord,
  view: ViewMask,
): string {
  return `{"t":"o","id":${idJson},"s":"${record.s}"${visibleFields(specs, record, view)}}`;
}

function offlineMessage(idJson: string, record: PresenceRecord, view: ViewMask): string {
  return `{"t":"x","id":${idJson}${lastSeen(record, view)}}`;
}

/** A friend whose status the viewer may not see: offline, and nothing else. */
export function hiddenMessage(idJson: string): string {
  return `{"t":"x","id":${idJson}}`;
}

/** A friend as one entry of a `sync`. */
export function friendEntry(
  specs: readonly FieldSpec[],
  idJson: string,
  record: PresenceRecord,
  view: ViewMask,
): string {
  if ((view & SEE_STATUS) === 0) return `{"username":${idJson},"s":"Offline"}`;
  if (record.s === 'Offline') return `{"username":${idJson},"s":"Offline"${lastSeen(record, view)}}`;
  return `{"username":${idJson},"s":"${record.s}"${visibleFields(specs, record, view)}}`;
}

function visibleFields(specs: readonly FieldSpec[], record: PresenceRecord, view: ViewMask): string {
  let text = '';
  for (let i = 0; i < specs.length; i++) {
    if ((view & fieldBit(i)) === 0) continue;
    const name = (specs[i] as FieldSpec).name;
    const value = record.fields[name];
    if (value !== undefined) text += `,"${name}":${JSON.stringify(value)}`;
  }
  return text;
}

function lastSeen(record: PresenceRecord, view: ViewMask): string {
  return (view & SEE_LAST_SEEN) === 0 || record.lastSeenMs === null ? '' : `,"ts":${record.lastSeenMs}`;
}

export function syncMessage(entries: string): string {
  return `{"t":"sync","users":[${entries}]}`;
}

/** @param gone user ids that are no friends any more */
export function deltaSyncMessage(entries: string, gone: readonly string[]): string {
  const goneJson = gone.length === 0 ? '' : `,"gone":${JSON.stringify(gone)}`;
  return `{"t":"sync","users":[${entries}],"delta":true${goneJson}}`;
}
