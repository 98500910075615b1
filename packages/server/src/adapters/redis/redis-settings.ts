/** Where a server of Redis, or a Sentinel, listens. */
export type RedisAddress = { readonly host: string; readonly port: number };

/** `host:port`, with brackets about an IPv6 address. */
export function addressText({ host, port }: RedisAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The same, beginning at another one. */
export function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const first = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

export type RedisLogin = {
  /** An ACL user; null: the `default` one. */
  readonly username: string | null;
  readonly password: string | null;
};

/** What a TLS connection is checked with, all in PEM; null: what Node trusts, and no certificate of our own. */
export type RedisTls = {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** The name that the server's certificate must bear; null: the host connected to. */
  readonly serverName: string | null;
};

/** One server, one that Sentinel names, or a Cluster. */
export type RedisTopology =
  | { readonly kind: 'single'; readonly address: RedisAddress }
  | {
      readonly kind: 'sentinel';
      readonly sentinels: readonly RedisAddress[];
      /** What the Sentinels call the primary. */
      readonly name: string;
      /** How the Sentinels themselves are logged in to. */
      readonly login: RedisLogin;
    }
  /** Some of its nodes: the others are learnt from these. */
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] };

export type RedisSettings = {
  readonly topology: RedisTopology;
  readonly login: RedisLogin;
  /** Null: without TLS. */
  readonly tls: RedisTls | null;
  /** What begins every key and channel, with its separator; no braces. */
  readonly prefix: string;
  /** ms after which a command without an answer gives the connection up. */
  readonly commandTimeoutMs: number;
};
