/** What a user may set. `Invisible` is set only: others see `Offline`. */
export const STATUSES = ['Online', 'Away', 'Busy', 'Offline', 'Invisible'] as const;
export type Status = (typeof STATUSES)[number];

/** What others may see. */
export const VISIBLE_STATUSES = ['Online', 'Away', 'Busy', 'Offline'] as const;
export type VisibleStatus = (typeof VISIBLE_STATUSES)[number];

/** Presence fields of a server that configures none: activity, project, language. */
export const DEFAULT_PRESENCE_FIELDS = ['a', 'p', 'l'] as const;
