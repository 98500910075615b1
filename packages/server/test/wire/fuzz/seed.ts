/** The seed to repeat a failure with (`CARILLON_FUZZ_SEED=…`), as fast-check printed it; undefined takes a new one. */
export function fuzzSeed(): number | undefined {
  const given = process.env['CARILLON_FUZZ_SEED'];
  return given === undefined ? undefined : Number(given);
}
