import { MAX_INTEGER, optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';

export const heartbeat = {
  about: 'Server: are you there? Client: yes. With `q` the client asks and the server echoes it.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'hb' }, 'message type'),
    q: optional(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'client asks; the server answers with the same number',
    ),
    at: optional(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'server: low-water stamp; every change up to it was sent before this message',
    ),
  },
} as const;
export type Heartbeat = MessageOf<typeof heartbeat>;
