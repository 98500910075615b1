/**
 * What an invisible user is compared with.
 *
 * - `offline`: a user whose status is `Offline`, in the same turmoil.
 * - `absent`: one who never comes.
 * - `logged out`: one who logs out at the moment at which the other becomes invisible.
 */
export type PairForm = 'offline' | 'absent' | 'logged out';

export const PAIR_FORMS: readonly PairForm[] = ['offline', 'absent', 'logged out'];
