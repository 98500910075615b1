/** How long a test waits for an event that must come. Never a measurement: a slow machine has all of it. */
export const WAIT_LIMIT_MS = 30_000;

/**
 * Waits for an event, and fails by name where it never comes.
 *
 * @param what the event, for the failure's text
 * @param detail what to show beside it
 */
export async function within<T>(
  event: Promise<T>,
  what: string,
  detail: () => string = () => '',
  limitMs = WAIT_LIMIT_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  // Made here, where the stack still names the test's line.
  const late = new Error();
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      late.message = `waited ${limitMs} ms in vain until ${what}\n${detail()}`;
      reject(late);
    }, limitMs);
  });
  try {
    return await Promise.race([event, limit]);
  } finally {
    clearTimeout(timer);
  }
}
