/* Random numbers of a generator that picks who does something next: the same for the same seed. For one file of a program each. */
#ifndef CARILLON_BENCH_RANDOM_H
#define CARILLON_BENCH_RANDOM_H

#include <stdint.h>

static uint64_t random_state;

static void seed_random(uint64_t seed) { /* never 0, which xorshift does not leave */
  random_state = seed * 0x9e3779b97f4a7c15u | 1;
}

static uint64_t next_random(void) { /* xorshift64 */
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

#endif
