import type { Line } from '../network/line.ts';
import type { Network } from '../network/network.ts';
import type { Random } from '../random.ts';
import { type Plan, type VirtualTime, createOwner } from '../time/virtual-time.ts';
import type { OwnPatch, SeenFriend, SimClient } from './sim-client.ts';

/** A server that was silent for longer than it needs to notice a dead line is taken for dead. */
const SILENT_MS = 80_000;

/** From connecting to the sync. */
const LOGIN_TIMEOUT_MS = 15_000;

const LONGEST_PAUSE_MS = 3_000;

export type BareClientParts = {
  readonly name: string;
  readonly user: string;
  readonly device: string | null;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly network: Network;
  readonly loginToken: () => string;
  readonly wrong: (detail: string) => void;
};

type Wire = { readonly t: string; readonly [field: string]: unknown };

/**
 * A client that somebody wrote from the table of the fixed messages alone: `login` with the newest token as `resume`, `token`,
 * `sync`, `u`, `o`, `x`, `statusUpdate`, and `hb` answered in kind.
 */
export function createBareClient(parts: BareClientParts): SimClient {
  const { time, network, random } = parts;
  const owner = createOwner(parts.name);
  let wants = false;
  let line: Line | null = null;
  let token: string | null = null;
  let synced = false;
  let timer: Plan | null = null;
  let friends = new Map<string, SeenFriend>();
  let said: Record<string, string> = {};

  function wait(ms: number, then: () => void): void {
    timer?.cancel();
    timer = time.plan(ms, owner, then);
  }

  function connect(): void {
    synced = false;
    const opening = network.connect(parts.name, {
      opened() {
        if (line === opening) logIn();
      },
      message(text) {
        if (line === opening) take(JSON.parse(text) as Wire);
      },
      closed(code) {
        if (line === opening) lost(code);
      },
    });
    line = opening;
    wait(LOGIN_TIMEOUT_MS, giveUp);
  }

  function giveUp(): void {
    line?.hangUp();
    lost(1006);
  }

  function lost(code: number): void {
    line = null;
    synced = false;
    timer?.cancel();
    if (code >= 4200 && code < 4300) {
      wants = false;
      token = null;
    }
    if (wants) wait(random.whole(50, LONGEST_PAUSE_MS), connect);
  }

  function send(message: object): void {
    line?.send(JSON.stringify(message));
  }

  function logIn(): void {
    send({
      t: 'login',
      username: parts.user,
      token: parts.loginToken(),
      ...(token === null ? {} : { resume: token }),
      ...(parts.device === null ? {} : { device: parts.device }),
    });
  }

  function take(message: Wire): void {
    if (synced) wait(SILENT_MS, giveUp);
    const id = message['id'] as string;
    switch (message.t) {
      case 'token':
        token = message['token'] as string;
        return;
      case 'sync':
        if (message['delta'] !== undefined) parts.wrong('a client that names no version got a delta sync');
        friends = new Map(
          (message['users'] as Wire[]).map((user) => [user['username'] as string, seen(user)] as const),
        );
        if (!synced) wait(SILENT_MS, giveUp);
        synced = true;
        return;
      case 'o':
        friends.set(id, seen(message));
        return;
      case 'u': {
        const known = friends.get(id);
        if (known === undefined) return parts.wrong(`u about ${id}, whom the client does not know`);
        friends.set(id, seen({ ...known.fields, s: known.s, ...message }));
        return;
      }
      case 'x':
        friends.set(id, seen({ ...message, s: 'Offline' }));
        return;
      case 'hb':
        if (message['q'] === undefined) send({ t: 'hb' });
    }
  }

  function reset(): void {
    timer?.cancel();
    line?.hangUp();
    line = null;
    synced = false;
  }

  function leave(): void {
    wants = false;
    reset();
    token = null;
    friends = new Map();
    said = {};
  }

  return {
    name: parts.name,
    user: parts.user,
    device: parts.device,
    channels: null,
    kind: 'bare',
    get wants() {
      return wants;
    },
    get connected() {
      return synced;
    },
    get line() {
      return line;
    },
    get resume() {
      return token;
    },
    unsettled: 0,
    get said() {
      return said;
    },
    come() {
      if (wants) return;
      wants = true;
      wait(0, connect);
    },
    leave,
    // It has one socket and no more.
    climb: () => undefined,
    logOut: leave,
    reload() {
      if (!wants) return;
      reset();
      friends = new Map();
      said = {};
      wait(random.whole(50, LONGEST_PAUSE_MS), connect);
    },
    set(patch: OwnPatch) {
      // Whoever knows no request ids does not know what became of a change either, and tries no second time.
      if (!synced) return;
      said = { ...said, ...patch };
      send({ t: 'statusUpdate', ...patch });
    },
    friends: () => friends,
  };
}

function seen(wire: Readonly<Record<string, unknown>>): SeenFriend {
  const s = wire['s'] as string;
  const fields: Record<string, string> = {};
  for (const name of ['a', 'p', 'l']) {
    const value = wire[name];
    if (typeof value === 'string' && value !== '' && s !== 'Offline') fields[name] = value;
  }
  return { s, fields, ts: s === 'Offline' && typeof wire['ts'] === 'number' ? wire['ts'] : null };
}
