/**
 * Names of keys and channels. What belongs to one user, or to one channel, lies in one slot of a Cluster: its keys are tagged
 * with the very name of its pub/sub channel, so that a script may change the one and publish on the other.
 */
export type Keys = {
  /** The pub/sub channel of a broker topic: `presence:alice`, `channel:chat:1`, `inbox:alice`, `node:…`, `everyone`. */
  channel(topic: string): string;
  /** A key in the slot of that pub/sub channel. */
  of(topic: string, part: string): string;
  /** A key of the whole cluster; all of those lie in one slot. */
  cluster(part: string): string;
  /** A key of one node, in a slot of its own. */
  node(node: string, part: string): string;
};

/** @param prefix set by CARILLON_REDIS_PREFIX, with its separator; holds no brace */
export function createKeys(prefix: string): Keys {
  return {
    channel: (topic) => prefix + encode(topic),
    of: (topic, part) => `{${prefix}${encode(topic)}}:${part}`,
    cluster: (part) => `{${prefix}cluster}:${part}`,
    node: (node, part) => `{${prefix}node:${encode(node)}}:${part}`,
  };
}

/** Braces would move the tag, and a percent sign would make the encoding ambiguous. Ids may hold any of them. */
function encode(text: string): string {
  return /[{}%]/.test(text)
    ? text.replaceAll('%', '%25').replaceAll('{', '%7B').replaceAll('}', '%7D')
    : text;
}
