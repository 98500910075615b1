import { channelName, type DownMessage, type Err } from '@carillon/protocol';
import type { InnerLine } from '../../gate/inner-line.ts';
import type { Names } from './names.ts';
import { parseEdit, parseJoin, parseLeave } from './requests.ts';

/** What a client of Socket.IO is told. */
export type Emit = (event: string, ...args: readonly unknown[]) => void;

/** What Socket.IO hands over where the client wants an answer. */
export type Acknowledge = (answer: object) => void;

/** A document that the client is in, or about to be. */
type Joined = { readonly id: string; readonly channel: string; epoch: string; offset: number; isIn: boolean };

type Publication = { readonly o: number; readonly by?: string | undefined; readonly d?: unknown };

/** The words of ADR-003's clients. The same where there is no such document. */
const ACCESS_DENIED = 'Access denied';

/** Codes that say no more than that the client may not have it. */
const DENIED: readonly string[] = ['forbidden', 'channel_unknown', 'channel_invalid', 'kind_mismatch'];

export type Documents = {
  join(request: unknown, acknowledge: Acknowledge | null): void;
  leave(request: unknown, acknowledge: Acknowledge | null): void;
  edit(request: unknown, acknowledge: Acknowledge | null): void;
  /** What the server says of channels. */
  receive(message: DownMessage): void;
};

export type DocumentsOptions = {
  readonly line: () => InnerLine;
  readonly emit: Emit;
  /** The channel of a document, with one parameter: `ops:{id}`. */
  readonly pattern: string;
  readonly user: string;
  readonly names: Names;
};

/** The documents of one client: its events become our messages, and ours its events. */
export function createDocuments({ line, emit, pattern, user, names }: DocumentsOptions): Documents {
  const parameter = /\{([^{}]*)\}/.exec(pattern)?.[1] ?? '';
  const byId = new Map<string, Joined>();
  const byChannel = new Map<string, Joined>();
  /** Names may take a moment: who comes and goes is told in the order in which it happened. */
  let announced: Promise<void> = Promise.resolve();

  function refuse(text: string, about: object, acknowledge: Acknowledge | null): void {
    emit('error', text, about);
    acknowledge?.({ ok: false, error: text, ...about });
  }

  function refuseAnswer(answer: Err | null, documentId: string, acknowledge: Acknowledge | null): void {
    // The line has ended: the client is being told so by its end.
    if (answer === null) return;
    const { code, m, retryAfterMs } = answer;
    const isDenied = DENIED.includes(code);
    refuse(
      isDenied ? ACCESS_DENIED : m,
      {
        code: isDenied ? 'forbidden' : code,
        documentId,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
      acknowledge,
    );
  }

  /** A request that is none counts as a message that could not be understood. */
  function misunderstood(text: string, acknowledge: Acknowledge | null): void {
    line().misunderstood();
    refuse(text, { code: 'bad_message' }, acknowledge);
  }

  function answer(event: string, value: object, acknowledge: Acknowledge | null): void {
    if (acknowledge === null) emit(event, value);
    else acknowledge({ ok: true, ...value });
  }

  function forget({ id, channel }: Joined): void {
    byId.delete(id);
    byChannel.delete(channel);
  }

  function announce(say: () => Promise<void> | void): void {
    announced = announced.then(say);
  }

  function tellJoined({ id, channel }: Joined, who: string): void {
    announce(async () => {
      const name = await names.of(who);
      if (byChannel.has(channel)) emit('user-joined', { userId: who, name }, { documentId: id });
    });
  }

  function tellLeft({ id }: Joined, who: string): void {
    announce(() => emit('user-left', { userId: who }, { documentId: id }));
  }

  function tellEdit(joined: Joined, { o, by, d }: Publication): void {
    joined.offset = o;
    const { id: documentId, epoch, offset } = joined;
    emit('remote-edit', { userId: by ?? null, operation: d }, { documentId, epoch, offset });
  }

  /** Goes on behind what was sent, where the line was too slow for everything. */
  function rejoin(joined: Joined): void {
    const { channel: c, epoch: e, offset: o, id } = joined;
    line().ask({ t: 'sub', c, e, o }, (reply) => {
      if (reply?.t === 'ok') begin(joined, reply);
      else if (reply !== null) {
        forget(joined);
        refuseAnswer(reply, id, null);
      }
    });
  }

  /** @returns whether nothing is missing between what the client has and what comes now */
  function begin(
    joined: Joined,
    reply: {
      readonly e?: string | undefined;
      readonly o?: number | undefined;
      readonly rec?: boolean | undefined;
      readonly why?: string | undefined;
    },
  ): boolean {
    const isWhole = reply.rec !== false;
    if (reply.e !== undefined) joined.epoch = reply.e;
    // Of what was missed each piece brings its offset along.
    if (reply.rec !== true && reply.o !== undefined) joined.offset = reply.o;
    if (!isWhole && joined.isIn) tellReset(joined, reply.why);
    return isWhole;
  }

  function tellReset({ id, epoch, offset }: Joined, why: string | undefined): void {
    emit('document-reset', { documentId: id, epoch, offset, why });
  }

  return {
    join(request, acknowledge) {
      const asked = parseJoin(request);
      if (asked === null) return misunderstood('join-document takes a documentId', acknowledge);
      const { documentId, from } = asked;
      const named = channelName(pattern, { [parameter]: documentId });
      if (!named.ok)
        return refuse(
          ACCESS_DENIED,
          { code: 'forbidden', documentId: documentId.slice(0, 255) },
          acknowledge,
        );
      const known = byId.get(documentId);
      const joined: Joined = known ?? {
        id: documentId,
        channel: named.name,
        epoch: '',
        offset: 0,
        isIn: false,
      };
      if (known === undefined) {
        byId.set(documentId, joined);
        byChannel.set(named.name, joined);
      }
      const position = from === null ? {} : { e: from.epoch, o: from.offset };
      line().ask({ t: 'sub', c: named.name, ...position }, (reply) => {
        if (reply?.t !== 'ok') {
          if (!joined.isIn) forget(joined);
          return refuseAnswer(reply, documentId, acknowledge);
        }
        const wasIn = joined.isIn;
        joined.isIn = false;
        const recovered = begin(joined, reply);
        joined.isIn = true;
        const { epoch } = joined;
        const about = { documentId, epoch, offset: reply.o ?? 0 };
        answer(
          'document-joined',
          from === null ? about : { ...about, recovered, ...(recovered ? {} : { why: reply.why }) },
          acknowledge,
        );
        if (!wasIn) tellJoined(joined, user);
      });
    },

    leave(request, acknowledge) {
      const documentId = parseLeave(request);
      if (documentId === null) return misunderstood('leave-document takes a documentId', acknowledge);
      const joined = byId.get(documentId);
      if (joined === undefined)
        return refuse('Not joined', { code: 'not_subscribed', documentId }, acknowledge);
      forget(joined);
      line().ask({ t: 'unsub', c: joined.channel }, (reply) => {
        if (reply?.t === 'ok') answer('document-left', { documentId }, acknowledge);
        else refuseAnswer(reply, documentId, acknowledge);
      });
    },

    edit(request, acknowledge) {
      const asked = parseEdit(request);
      if (asked === null) return misunderstood('edit-operation takes { documentId, operation }', acknowledge);
      const { documentId, operation } = asked;
      const joined = byId.get(documentId);
      if (joined === undefined)
        return refuse('Not joined', { code: 'forbidden', documentId: documentId.slice(0, 255) }, acknowledge);
      line().ask({ t: 'pub', c: joined.channel, d: operation, echo: false }, (reply) => {
        if (reply?.t !== 'ok') return refuseAnswer(reply, documentId, acknowledge);
        acknowledge?.({ ok: true, documentId, epoch: reply.e, offset: reply.o });
      });
    },

    receive(message) {
      if (!('c' in message)) return;
      const joined = byChannel.get(message.c);
      if (joined === undefined) return;
      switch (message.t) {
        case 'p':
          if (message.own === true) joined.offset = message.o;
          else tellEdit(joined, message);
          return;
        case 'ps':
          for (const publication of message.ps) tellEdit(joined, publication);
          return;
        case 'join':
          // The client's own was told with its answer.
          if (message.id !== user) tellJoined(joined, message.id);
          return;
        case 'leave':
          tellLeft(joined, message.id);
          return;
        case 'gap':
          if (message.e !== undefined) joined.epoch = message.e;
          if (message.why === 'resync') rejoin(joined);
          else if (message.o !== undefined) {
            joined.offset = message.o;
            tellReset(joined, message.why);
          }
          return;
        case 'unsub':
          forget(joined);
          emit('error', ACCESS_DENIED, { code: message.code, documentId: joined.id });
          return;
        default:
      }
    },
  };
}
