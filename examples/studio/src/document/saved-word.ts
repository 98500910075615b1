import type { DocumentInfo } from '@carillon/client/yjs';

/** How it stands with what was changed here. */
export type SavedWord = {
  readonly state: 'opening' | 'saved' | 'unsaved' | 'unsent' | 'waiting' | 'refused' | 'ended';
  /** In a word or three. */
  readonly word: string;
  /** Why, and what happens next; null: there is nothing to say. */
  readonly why: string | null;
};

/** What was refused, by code of docs/errors.md. */
const REFUSED: Readonly<Record<string, string>> = {
  forbidden: 'you may not write in it any more.',
  too_large: 'the document would be larger than the server takes.',
  update_invalid: 'the server could make nothing of it.',
  update_gap: 'it builds on what the server does not have.',
  client_id_taken: 'somebody else writes by the same id.',
  rate_limited: 'too many changes at once.',
};

/** Why a document cannot be had, by code. */
const ENDED: Readonly<Record<string, string>> = {
  forbidden: 'You are shut out of this document. What you see is as it was.',
  too_large: 'The document is larger than the server hands out.',
};

/** @param isSlow whether changes wait for longer than a server takes that is well */
export function savedWord({ status, code, detail, role, saved }: DocumentInfo, isSlow: boolean): SavedWord {
  const { unsent, unsaved, refused } = saved;
  if (status === 'ended')
    return { state: 'ended', word: 'closed', why: because(ENDED, code ?? 'internal', detail) };
  // What is not sent for want of the right is as good as refused: the server would do no other.
  const wants =
    status === 'live' && role !== 'write' && unsent > 0 ? { code: 'forbidden', detail: '' } : null;
  const no = refused ?? wants;
  if (no !== null) {
    const why = `What you changed last was not taken: ${because(REFUSED, no.code, no.detail)} It is on this page alone.`;
    return { state: 'refused', word: 'not saved', why };
  }
  if (status === 'offline') {
    if (unsent === 0)
      return { state: 'saved', word: 'saved', why: 'There is no line: this is as of when there was.' };
    const keeps = saved.durable ? 'They are kept on this device' : 'They are kept in this page';
    return {
      state: 'unsent',
      word: changes(unsent, 'not sent'),
      why: `There is no line. ${keeps}, and go out when there is.`,
    };
  }
  if (status === 'connecting' && code !== null)
    return {
      state: 'waiting',
      word: 'cannot be reached',
      why: `${detail === '' ? 'The server cannot reach the document' : sentence(detail)} (${code}). It is asked again.`,
    };
  if (role === null) return { state: 'opening', word: 'opening', why: null };
  if (unsent + unsaved === 0) return { state: 'saved', word: 'saved', why: null };
  const why = isSlow ? 'The server cannot keep it at the moment. It is sent again until it is kept.' : null;
  return unsaved > 0
    ? { state: 'unsaved', word: 'saving', why }
    : { state: 'unsent', word: changes(unsent, 'not sent'), why };
}

function changes(count: number, what: string): string {
  return `${count} ${count === 1 ? 'change' : 'changes'} ${what}`;
}

function because(reasons: Readonly<Record<string, string>>, code: string, detail: string): string {
  return `${reasons[code] ?? (detail === '' ? 'the server refused it' : detail)} (${code})`.replace(
    /\.? \((\w+)\)$/,
    ' ($1).',
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
