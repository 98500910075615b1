/** Why a server does not start, in one line that says what to do. Holds no secret. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
