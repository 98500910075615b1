import { type ErrorCode, ERRORS } from '@carillon/protocol';
import * as z from 'zod';
import { position } from './channel-schemas.ts';

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

/** A refusal, wherever one stands. */
export const errorBody = z
  .object({
    code: z.enum(codes).meta({ description: 'A code of docs/errors.md.' }),
    message: z
      .string()
      .meta({ description: 'What was wrong and what to do, for people; nothing may parse it.' }),
    retryAfterMs: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'When the same request may work; absent: do not repeat it.' }),
    path: z
      .string()
      .optional()
      .meta({ description: '`payload_invalid`: where in the payload, as a JSON Pointer (RFC 6901).' }),
    position: position.optional().meta({ description: '`conflict`: the present top of the channel.' }),
  })
  .meta({ id: 'Error' });

/** The body of every answer that is a refusal. */
export const refusalBody = z.object({ error: errorBody }).meta({ id: 'Refusal' });
