/** Users of whom Redis has lost what this node holds. */
export type Missing = {
  note(user: string): void;
  /** All of them; they are forgotten here. */
  take(): readonly string[];
};

/** @param onNoted called for the first since they were last taken */
export function createMissing(onNoted: () => void): Missing {
  const users = new Set<string>();
  return {
    note(user) {
      users.add(user);
      if (users.size === 1) onNoted();
    },
    take() {
      const taken = [...users];
      users.clear();
      return taken;
    },
  };
}
