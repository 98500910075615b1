import type { Secrets } from '../../ports/secrets.ts';

/** 72 random bits: short, for it stands in every reply, and never given twice. */
const EPOCH_LENGTH = 12;

export function newEpoch(secrets: Pick<Secrets, 'token'>): string {
  return secrets.token().slice(0, EPOCH_LENGTH);
}
