/** One for each of the sample people: white letters can be read on all of them, and all can be told from paper and ink. */
const COLORS = [
  '#2d5fb8',
  '#b0413e',
  '#177a50',
  '#8a4fb0',
  '#9a6208',
  '#0b7480',
  '#b03a72',
  '#586a1c',
] as const;

/** The same on every page. @param people in the order in which every page has them */
export function colorOf(user: string, people: readonly { readonly user: string }[]): string {
  const at = people.findIndex((person) => person.user === user);
  return COLORS[Math.max(0, at) % COLORS.length] ?? COLORS[0];
}
