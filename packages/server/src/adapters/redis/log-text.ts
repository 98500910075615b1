import { hash } from 'node:crypto';
import type { Append, Publication } from '../../ports/log.ts';
import type { Reply } from './redis-link.ts';

/** What stands in the header of a message and is not kept; '' where there is nothing. */
export function toldText({ silent, eventMs }: Pick<Append, 'silent' | 'eventMs'>): string {
  let text = silent === null ? '' : `,"silent":[${JSON.stringify(silent.session)},${silent.request}]`;
  if (eventMs !== null) text += `,"event":${eventMs}`;
  return text;
}

/** What a script is given of a publication, and what is kept of it: all of its header behind epoch and offset, and the payload. */
type Header = {
  readonly at: number;
  readonly by?: string;
  readonly ref?: string;
  readonly key?: string;
  readonly version?: number;
};

/**
 * Reads a publication that is kept.
 *
 * @param text as `publicationTail` makes it, and the payload; what stands before its first comma is not looked at
 */
export function readPublication(offset: number, text: string): Publication {
  const newline = text.indexOf('\n');
  const header = text.slice(text.indexOf(',') + 1, newline === -1 ? undefined : newline);
  const { at, by = null, ref = null, key = null, version = null } = JSON.parse(`{${header}`) as Header;
  return { offset, atMs: at, by, data: newline === -1 ? null : text.slice(newline + 1), key, version, ref };
}

/** Stands for a text of any length and content: 27 characters. Whoever found two texts with one print would fool only themselves. */
export function printOf(text: string): string {
  // Not UTF-8, in which all lone surrogates are one.
  return hash('sha1', Buffer.from(text, 'utf16le'), 'base64url');
}

/** UTF-16BE: compared byte by byte it sorts as the text's UTF-16 units do, and it keeps lone surrogates. */
export function toUnits(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

/** A number as a script takes it; there may be no end. */
export function numberText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? 'inf' : String(value);
}

/** A script's answer that is a list. */
export function listOf(reply: Reply): readonly Reply[] {
  return reply as readonly Reply[];
}

/** A script's answer that is a text. */
export function textOf(reply: Reply | undefined): string {
  return typeof reply === 'string' ? reply : '';
}
