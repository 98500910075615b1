import { type DestinationStream, type Level, type Logger as PinoLogger, pino } from 'pino';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

export type LogLevel = Level | 'silent';

/** Fields that are never written, wherever they stand in what is logged. */
const SECRET_FIELDS = ['token', 'resume', 'authorization', 'apiKey', 'secret', 'password'];

/** What looks like a JWT in a text: errors of hooks and drivers like to quote what they were given. */
const JWT = /\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*/g;

/**
 * Structured logs, one JSON object a line, without secrets.
 *
 * @param fields what every line says, beside the rest
 */
export function createLogger(
  level: LogLevel,
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
  fields: Readonly<Record<string, unknown>> | null = null,
): Logger {
  return pino(
    {
      level,
      base: fields === null ? null : { ...fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: '[redacted]',
      },
      hooks: { streamWrite: (line) => line.replace(JWT, '[token]') },
    },
    destination,
  );
}
