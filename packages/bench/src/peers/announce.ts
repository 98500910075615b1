/** Tells the bench where a peer listens. */
export function announce(address: string | { readonly port: number } | null): void {
  if (address === null || typeof address === 'string') throw new Error('a peer listens on a port');
  console.log(JSON.stringify({ event: 'listening', port: address.port }));
}
