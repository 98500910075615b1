import type { Clock, Timer } from '../../ports/clock.ts';

/** The deadline is looked at so many times within its time, so that it is at most this part of it late. */
const LOOKS = 4;

export type Deadline = {
  sent(): void;
  answered(): void;
  stop(): void;
};

/**
 * Watches the oldest command in flight, for answers come in the order of the commands. A count at each look is enough: it costs
 * a command nothing but an addition.
 *
 * @param limitMs a command may go unanswered for
 * @param expired called once, from `limitMs` to a quarter more after the oldest command was sent
 */
export function createDeadline(clock: Clock, limitMs: number, expired: () => void): Deadline {
  let sent = 0;
  let answered = 0;
  let timer: Timer | null = null;
  let stopped = false;
  /** How many had been sent at the last looks, oldest first. */
  let looks: number[] = [];

  function schedule(): void {
    timer = clock.setTimer(limitMs / LOOKS, look);
  }

  function look(): void {
    // Where this process itself stood still, answers are waiting in the socket: they are read before anything is concluded.
    clock.defer(() => {
      if (stopped) return;
      const oldest = looks.length === LOOKS ? looks.shift() : undefined;
      if (oldest !== undefined && answered < oldest) {
        stopped = true;
        expired();
        return;
      }
      if (answered === sent) {
        timer = null;
        return;
      }
      looks.push(sent);
      schedule();
    });
  }

  return {
    sent() {
      sent++;
      if (timer !== null || stopped) return;
      looks = [sent];
      schedule();
    },
    answered() {
      answered++;
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
