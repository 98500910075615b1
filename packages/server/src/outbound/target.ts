/**
 * Why requests must not be sent to a URL, or undefined. What they carry names users and channels, and what comes back is
 * believed: over plain http anyone on the way could read the one and forge the other.
 */
export function targetProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  // They would stand in logs and proxies; the signature says who asks.
  if (url.username !== '' || url.password !== '') return 'holds a name or a password: leave them out';
  if (url.hash !== '') return 'has a fragment, which no request carries';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return `has the scheme ${url.protocol}, and must be https:`;
  return isLoopback(url.hostname) ? undefined : 'is http: on another machine, and must be https:';
}

/** RFC 6761, section 6.3, and RFC 1122, section 3.2.1.3. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** A target as it may stand in a log: its query may hold a secret of the other side. */
export function shownTarget(url: URL): string {
  return url.origin + url.pathname;
}
