/** The middle value; of an even number of values the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * The median of what each pair gives. Two programs that were measured right after each other shared the machine's mood,
 * so their ratio says more than the ratio of two medians.
 *
 * @throws RangeError when the lists are not of one length
 */
export function medianRatio(numerators: readonly number[], denominators: readonly number[]): number {
  if (numerators.length !== denominators.length) throw new RangeError('pairs need two lists of one length');
  return median(numerators.map((numerator, i) => numerator / (denominators[i] ?? Number.NaN)));
}
