/** Longest reason that is shown. */
const LONGEST_REASON = 300;

/** An error code of the protocol (https://kafka.apache.org/protocol#protocol_error_codes). */
export const OFFSET_OUT_OF_RANGE = 1;

type Leaf = { readonly message: string; readonly code: string; readonly id: string };

/** An error and all that it was caused by, innermost last; the driver nests lists in lists. */
function leaves(error: unknown, depth = 0): readonly Leaf[] {
  if (!(error instanceof Error) || depth > 8) return [];
  const nested = [
    ...(error instanceof AggregateError ? (error.errors as readonly unknown[]) : []),
    ...(error.cause === undefined ? [] : [error.cause]),
  ].flatMap((inner) => leaves(inner, depth + 1));
  return [{ message: error.message, code: textOf(error, 'code'), id: textOf(error, 'apiId') }, ...nested];
}

function textOf(error: Error, name: string): string {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : '';
}

/** What went wrong, in one line: the causes, without the wrapping. */
export function reasonOf(error: unknown): string {
  const all = leaves(error);
  // The wrapping says that something failed; what is inside says why.
  const inner = all.filter(({ code }) => code !== 'PLT_KFK_MULTIPLE' && code !== 'PLT_KFK_RESPONSE');
  const words = (inner.length === 0 ? all : inner).map(({ message, id }) =>
    id === '' ? message : `${id}: ${message}`,
  );
  const line = [...new Set(words.filter((word) => word !== ''))].join('; ');
  return (line === '' ? String(error) : line).replaceAll(/\s+/g, ' ').slice(0, LONGEST_REASON);
}

/** Whether the protocol's error of this name is somewhere in it: `GROUP_AUTHORIZATION_FAILED`. */
function names(error: unknown, pattern: RegExp): boolean {
  return leaves(error).some(({ id, code }) => pattern.test(id) || pattern.test(code));
}

export const isTooLarge = (error: unknown): boolean =>
  names(error, /^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE)$/);

/** Whether the group asks its member to join again: nothing is wrong. */
export const asksToRejoin = (error: unknown): boolean =>
  names(
    error,
    /^(MEMBER_ID_REQUIRED|UNKNOWN_MEMBER_ID|REBALANCE_IN_PROGRESS|ILLEGAL_GENERATION|FENCED_INSTANCE_ID)$/,
  );

/**
 * What an operator has to put right before it can ever work, in one line; null: it may work the next time.
 *
 * @param topics that were asked about
 */
export function hopeless(error: unknown, topics: readonly string[], groupId: string): string | null {
  const named = topics.map((topic) => `"${topic}"`).join(', ');
  const unknown = leaves(error).find(({ message }) => message.startsWith('Unknown topic '));
  if (unknown !== undefined || names(error, /^(UNKNOWN_TOPIC_OR_PARTITION|INVALID_TOPIC_EXCEPTION)$/)) {
    const topic = unknown?.message.replace(/^Unknown topic (.*)\.$/, '"$1"') ?? named;
    return `Kafka has no topic ${topic === '"unknown"' ? named : topic}: create it, or correct its name (topics are not created by Carillon)`;
  }
  if (
    names(
      error,
      /^(SASL_AUTHENTICATION_FAILED|PLT_KFK_AUTHENTICATION|UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE)$/,
    )
  )
    return `Kafka refuses the credentials: check the user, the password and the mechanism of SASL (${reasonOf(error)})`;
  if (names(error, /^TOPIC_AUTHORIZATION_FAILED$/))
    return `Kafka does not let this user read or describe ${named}: allow it, or name another user`;
  if (names(error, /^GROUP_AUTHORIZATION_FAILED$/))
    return `Kafka does not let this user be in the group "${groupId}": allow it, or name another group`;
  // The driver has no code for what it finds out by itself.
  const speaksTls = leaves(error).some(({ message }) =>
    /^(Broker requires TLS|TLS handshake failed)/.test(message),
  );
  if (speaksTls || names(error, /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO$)/))
    return `the TLS connection to Kafka fails: check the authority, the certificate and the server's name (${reasonOf(error)})`;
  return null;
}
