import { isIP } from 'node:net';

/** Why a text is no origin (RFC 6454: scheme, host, port, nothing else) nor `*`, or undefined. */
export function originProblem(value: string): string | undefined {
  if (value === '*') return undefined;
  if (!URL.canParse(value)) return 'is no origin: write it like https://app.example';
  const { origin } = new URL(value);
  if (origin === 'null') return 'is no origin of a web page: write it like https://app.example';
  return origin === value ? undefined : `is no origin: write ${origin}`;
}

/** Why a text is no IP address and no network, or undefined. */
export function proxyProblem(value: string): string | undefined {
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return 'is no IP address and no network: write it like 10.0.0.0/8';
  if (prefix === undefined) return undefined;
  const bits = version === 4 ? 32 : 128;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits
    ? undefined
    : `has no prefix length from 0 to ${bits}`;
}
