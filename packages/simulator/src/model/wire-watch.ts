import { type Bye, type Err, type Ok, type Token, type UpMessage, decodeDown } from '@carillon/protocol';
import type { Line, WireObserver } from '../network/line.ts';
import type { Disk } from '../node/disk.ts';
import type { Owner, VirtualTime } from '../time/virtual-time.ts';
import type { Violations } from '../violations.ts';
import { type DeviceWrite, type Patch, beginWrite, createDevice, settleWrite, voidWrite } from './devices.ts';
import { UNDER_WAY_MS } from './register.ts';
import type { Session } from './sessions.ts';
import { type WireRecord, newRecord, patchOf } from './wire-record.ts';
import { CAUSE_MS, type WorldModel } from './world-model.ts';

export type WireWatchParts = {
  readonly model: WorldModel;
  readonly time: VirtualTime;
  readonly owner: Owner;
  readonly disk: Pick<Disk, 'refusedAtMs'>;
  readonly violations: Violations;
  /** Judges each frame, after the model has taken it in. */
  readonly judge: (record: WireRecord, text: string) => void;
};

/** The interval of PROTOCOL.md, and what it may be late by while a roster is being read, ms. */
const HEARTBEAT_MS = 30_000;
const LATE_HEARTBEAT_MS = 2_000;

/** Tells the model what passes the server's door, and checks that the talk keeps to the protocol. */
export function createWireWatch(parts: WireWatchParts): WireObserver {
  const { model, time, violations } = parts;
  const { nowMs, sessions } = model;
  const records = new Map<Line, WireRecord>();

  function recordOf(line: Line): WireRecord {
    const known = records.get(line) ?? newRecord(line);
    records.set(line, known);
    return known;
  }

  function cause(user: string): void {
    model.causes.open(user, nowMs(), nowMs() + CAUSE_MS);
  }

  function beginFresh(record: WireRecord, user: string): Session {
    const session = sessions.begin(user, record.line);
    record.session = session;
    cause(user);
    const { login } = record;
    if (login?.device !== undefined) {
      record.loginWrite = model.joinNamed(user, login.device, patchOf(login), session);
      session.device = record.loginWrite.device;
    }
    return session;
  }

  function write(record: WireRecord, patch: Patch, request: number | undefined): void {
    const session = record.session;
    if (session?.device == null) return;
    if (isElsewhere(record)) {
      // What this connection still sends changes nothing ([RES3]), unless the store has forgotten where the session went on.
      if (nowMs() <= model.forgetfulUntilMs) {
        if (patch.s !== undefined) cause(session.user);
        beginWrite(session.device, patch, record, nowMs());
      }
      return void (request !== undefined && record.requests.set(request, null));
    }
    if (patch.s !== undefined) cause(session.user);
    const begun = beginWrite(session.device, patch, session, nowMs());
    if (request !== undefined) record.requests.set(request, begun);
    else assumeMade(record, session, begun);
  }

  function isElsewhere({ session, line }: WireRecord): boolean {
    return session !== null && session.line !== null && session.line !== line;
  }

  /** Without a request id nobody says that a change was made; after a while in which nothing went wrong it was. */
  function assumeMade(record: WireRecord, session: Session, begun: DeviceWrite): void {
    const { line } = record;
    time.plan(UNDER_WAY_MS, parts.owner, () => {
      const undisturbed =
        line.serverOpen &&
        line.life?.alive === true &&
        session.line === line &&
        record.refusedMs < begun.beganMs &&
        parts.disk.refusedAtMs < begun.beganMs;
      if (undisturbed) settleWrite(begun, nowMs());
    });
  }

  function takeUp(record: WireRecord, message: UpMessage): void {
    if ('i' in message && message.i !== undefined && message.t !== 'login')
      record.requests.set(message.i, null);
    switch (message.t) {
      case 'login': {
        record.login = message;
        record.loginMs = nowMs();
        const resumed = message.resume === undefined ? undefined : sessions.byToken(message.resume);
        if (resumed === undefined) beginFresh(record, message.username);
        else {
          // It overtook the login of a page that came after its own: both were given a token, and only one of them counts.
          if (resumed.line !== null && resumed.line.id > record.line.id) resumed.duplicated = true;
          sessions.claim(resumed, record.line);
          if (resumed.device !== null)
            record.loginWrite = beginWrite(resumed.device, patchOf(message), resumed, nowMs());
        }
        if (message.s !== undefined) cause(message.username);
        return;
      }
      case 'statusUpdate':
        if (record.hasToken) write(record, patchOf(message), message.i);
        else record.queued.push({ patch: patchOf(message), request: message.i });
        return;
      case 'logout': {
        // Right behind the login: the session is known only by the token that was named.
        const session = record.session ?? sessions.byToken(record.login?.resume ?? '');
        if (session !== undefined) session.ended = true;
        if (session?.device != null) model.letGo(session.device);
        cause(record.login?.username ?? '');
        return;
      }
      default:
        // Renewals, heartbeats, channels and calls are no business of presence.
        return;
    }
  }

  function takeToken(record: WireRecord, token: Token): void {
    const user = record.login?.username ?? '';
    let session = token.resumed ? sessions.byId(token.session) : (record.session ?? beginFresh(record, user));
    if (session === undefined) {
      violations.found('protocol', `a session nobody saw before: ${token.session}`);
      session = beginFresh(record, user);
    }
    record.session = session;
    record.hasToken = true;
    record.askedMs = nowMs();
    sessions.attach(session, record.line);
    sessions.remember(token.token, session);
    if (!token.resumed) session.id = token.session;
    // A login without a device name: the session is the device, and began with what the login said.
    session.device ??= createDevice(
      nowMs,
      user,
      `#${token.session}`,
      patchOf(record.login ?? {}),
      record.loginMs,
    );
    if (record.loginWrite !== null) settleWrite(record.loginWrite, nowMs());
    for (const { patch, request } of record.queued.splice(0)) write(record, patch, request);
  }

  function takeReply(record: WireRecord, reply: Ok | Err): void {
    const { i } = reply;
    if (reply.t === 'err') takeError(record, reply);
    if (i === undefined || i === record.login?.i) return;
    const written = record.requests.get(i);
    if (!record.requests.delete(i)) {
      violations.found('protocol', `a reply to nothing, or the second one: ${JSON.stringify(reply)}`);
      return;
    }
    if (written == null) return;
    if (isElsewhere(record)) return;
    if (reply.t === 'ok') settleWrite(written, nowMs());
    else if (reply.code !== 'unavailable') voidWrite(written);
  }

  function takeError(record: WireRecord, { code }: Err): void {
    record.refusedMs = nowMs();
    if (code !== 'resume_failed') return;
    const { login } = record;
    if (login === null) return;
    const session = sessions.byToken(login.resume ?? '');
    if (record.loginWrite !== null) voidWrite(record.loginWrite);
    record.loginWrite = null;
    if (session !== undefined) {
      judgeRefusedResume(session);
      session.claim = null;
    }
    beginFresh(record, login.username);
  }

  /** Whoever comes back in time, holding the newest token that reached them, goes on. */
  function judgeRefusedResume(session: Session): void {
    const absentMs = sessions.absentMs(session);
    if (session.ended || session.duplicated || absentMs >= model.graceMs) return;
    if (nowMs() <= model.forgetfulUntilMs) return;
    violations.found(
      'i',
      `resume_failed for ${session.user}, session ${session.id}, absent for ${absentMs} ms of ${model.graceMs}`,
    );
  }

  function takeBye(record: WireRecord, { code }: Bye): void {
    const { session } = record;
    if (session === null || (code !== 'logged_out' && code !== 'user_erased')) return;
    session.ended = true;
    cause(session.user);
    if (code === 'logged_out') sessions.forget(session);
  }

  /** Whoever is asked too seldom is noticed too late when they are gone ([HB1], [HB3]). */
  function takeHeartbeat(record: WireRecord): void {
    const { line } = record;
    const sinceMs = nowMs() - record.askedMs;
    record.askedMs = nowMs();
    if (sinceMs > HEARTBEAT_MS + LATE_HEARTBEAT_MS && line.behindSinceMs === null)
      violations.found('protocol', `${line.client} is asked after ${sinceMs} ms`);
  }

  function checkOrder(record: WireRecord, type: string): void {
    const presence = type === 'u' || type === 'o' || type === 'x';
    if (type === 'sync' && !record.hasToken) violations.found('protocol', 'a sync before the token');
    if (presence && !record.hasSync) violations.found('protocol', `${type} before the sync`);
    if (type !== 'sync') return;
    record.hasSync = true;
    record.syncedMs = nowMs();
  }

  return {
    arrived(line, text) {
      takeUp(recordOf(line), JSON.parse(text) as UpMessage);
    },
    handed(line, text) {
      const record = recordOf(line);
      const decoded = decodeDown(text);
      if (!decoded.ok) {
        violations.found('protocol', `${decoded.detail}: ${text}`);
        return;
      }
      const { message } = decoded;
      checkOrder(record, message.t);
      if (message.t === 'hb' && message.q === undefined) takeHeartbeat(record);
      if (message.t === 'token') takeToken(record, message);
      else if (message.t === 'ok' || message.t === 'err') takeReply(record, message);
      else if (message.t === 'bye') takeBye(record, message);
      parts.judge(record, text);
    },
    ended(line) {
      const session = records.get(line)?.session ?? null;
      sessions.detach(line);
      records.delete(line);
      if (session?.line !== null) return;
      // Of two nodes that both took it one has it, and that need not be the one whose answer came later.
      for (const other of records.values())
        if (other.session === session && other.hasToken && other.line.clientOpen && other.line.serverOpen)
          sessions.attach(session, other.line);
    },
  };
}
