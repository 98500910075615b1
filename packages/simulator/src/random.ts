/** Pseudo-random numbers from a seed: the same seed and names give the same numbers, on every machine. */
export type Random = {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number;
  chance(probability: number): boolean;
  /** @param list must not be empty */
  pick<T>(list: readonly T[]): T;
  /** A stream of its own: what is drawn there moves nothing here. */
  fork(name: string): Random;
};

/** @param seed any text */
export function createRandom(seed: string): Random {
  const next = sfc32(seed);
  const random: Random = {
    fraction: next,
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    chance: (probability) => next() < probability,
    pick<T>(list: readonly T[]): T {
      return list[Math.floor(next() * list.length)] as T;
    },
    fork: (name) => createRandom(`${seed}/${name}`),
  };
  return random;
}

/** The "small fast counter" generator of PractRand, 32 bits a number, its state filled from a hash of the seed. */
function sfc32(seed: string): () => number {
  let [a, b, c, d] = hash128(seed);
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** Four multiplicative hashes of the text with different starts; no more than spreading is asked of them. */
function hash128(text: string): [number, number, number, number] {
  const lanes: [number, number, number, number] = [1779033703, 3144134277, 1013904242, 2773480762];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    lanes[0] = lanes[1] ^ Math.imul(lanes[0] ^ unit, 597399067);
    lanes[1] = lanes[2] ^ Math.imul(lanes[1] ^ unit, 2869860233);
    lanes[2] = lanes[3] ^ Math.imul(lanes[2] ^ unit, 951274213);
    lanes[3] = lanes[0] ^ Math.imul(lanes[3] ^ unit, 2716044179);
  }
  return lanes;
}
