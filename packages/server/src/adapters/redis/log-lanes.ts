/** Lets what is done to one thing wait for what was begun before. */
export type Lanes = {
  busy(name: string): boolean;
  /** Runs it behind everything that was run for this name before, whatever became of that. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
};

export function createLanes(): Lanes {
  const last = new Map<string, Promise<unknown>>();

  return {
    busy: (name) => last.has(name),
    run(name, work) {
      const before = last.get(name);
      const done = before === undefined ? work() : before.then(work, work);
      last.set(name, done);
      const leave = (): void => {
        if (last.get(name) === done) last.delete(name);
      };
      done.then(leave, leave);
      return done;
    },
  };
}
