/** The friends by the letter of PROTOCOL.md, written without regard to cost: what the SDK's fold is compared with. */
export type PlainFriend = { s: string; ts?: number; a?: string; p?: string; l?: string };

export function referenceFold(messages: readonly object[]): Map<string, PlainFriend> {
  let friends = new Map<string, PlainFriend>();
  for (const each of messages) {
    const message = structuredClone(each) as Record<string, unknown>;
    if (message['t'] === 'sync') {
      if (message['delta'] !== true) friends = new Map();
      for (const user of message['users'] as Record<string, unknown>[])
        friends.set(user['username'] as string, whole(user));
      for (const id of (message['gone'] ?? []) as string[]) friends.delete(id);
    } else if (message['t'] === 'o') friends.set(message['id'] as string, whole(message));
    else if (message['t'] === 'x')
      friends.set(message['id'] as string, whole({ s: 'Offline', ts: message['ts'] }));
    else if (message['t'] === 'u') {
      const known = friends.get(message['id'] as string);
      if (known !== undefined) friends.set(message['id'] as string, whole({ ...known, ...message }));
    }
  }
  return friends;
}

function whole(source: Record<string, unknown>): PlainFriend {
  const friend: Record<string, unknown> = { s: source['s'] };
  if (source['s'] === 'Offline') {
    if (typeof source['ts'] === 'number') friend['ts'] = source['ts'];
  } else for (const field of ['a', 'p', 'l']) if (source[field]) friend[field] = source[field];
  return friend as PlainFriend;
}

/** The SDK's friend in the reference's terms. */
export function plain(
  friend: { readonly status: string; readonly lastSeen: number | null } & object,
): PlainFriend {
  return whole({ ...friend, s: friend.status, ts: friend.lastSeen ?? undefined });
}
