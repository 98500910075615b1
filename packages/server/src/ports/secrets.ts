/**
 * Randomness and hashing.
 *
 * - `token` MUST carry at least 128 bits from a cryptographic source, in URL-safe characters.
 * - `id` MUST be unique for all practical purposes; it is no secret.
 * - `hash` MUST be one-way and the same on every node (SHA-256); stores see only hashes of tokens.
 * - `fraction` MUST be uniform in [0, 1); it spreads load and is no secret.
 */
export interface Secrets {
  token(): string;
  id(): string;
  hash(token: string): string;
  fraction(): number;
}
