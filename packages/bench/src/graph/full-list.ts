import { type Graph, followees } from './graph.ts';

/** What an entry of a full list takes: `{"username":"123","s":"Offline"}` and a comma, or with the activity when online. */
const OFFLINE_ENTRY = '{"username":"","s":"Offline"},'.length;
const ONLINE_ENTRY = '{"username":"","s":"Online","a":""},'.length;
const ENVELOPE = '{"t":"sync","users":[]}'.length - 1;

/**
 * What each person's full list takes on the wire in bytes, WebSocket header included, when the first `online` people are
 * online with an activity of `activityBytes` and the others are offline.
 */
export function fullListBytes(graph: Graph, online: number, activityBytes: number): Float64Array {
  const { all, online: there } = followees(graph, online);
  const names = new Float64Array(graph.people);
  for (let i = 0; i < graph.from.length; i++) {
    const follower = graph.from[i] ?? 0;
    names[follower] = (names[follower] ?? 0) + String(graph.to[i] ?? 0).length;
  }
  return names.map((bytes, person) => {
    const onlineFriends = there[person] ?? 0;
    const offlineFriends = (all[person] ?? 0) - onlineFriends;
    const text =
      ENVELOPE + bytes + onlineFriends * (ONLINE_ENTRY + activityBytes) + offlineFriends * OFFLINE_ENTRY;
    return text + (text < 126 ? 2 : text < 65_536 ? 4 : 10);
  });
}

/** What one change by a random person would cost on average, were each online follower sent their full list again. */
export function fullListBytesPerChange(graph: Graph, online: number, activityBytes: number): number {
  const list = fullListBytes(graph, online, activityBytes);
  let sum = 0;
  for (let i = 0; i < graph.from.length; i++) {
    const follower = graph.from[i] ?? 0;
    if (follower < online && (graph.to[i] ?? 0) < online) sum += list[follower] ?? 0;
  }
  return sum / online;
}
