// Signatures of words: which letters a word has, and which twice, in 32 bits.

#include "Kernels.h"

#if defined(__x86_64__) && defined(__linux__)
#define DISPATCHED __attribute__((target_clones("avx2", "default")))
#else
#define DISPATCHED
#endif

#define LETTERS 26
#define SECONDS 6

uint32_t kernels_signature(const uint8_t *word, size_t count) {
  uint32_t first = 0, second = 0;
  for (size_t i = 0; i < count; i++) {
    // A character is its first byte; those that continue it are none.
    if ((word[i] & 0xc0) == 0x80) continue;
    const uint32_t letter = (uint32_t)(word[i] + LETTERS * 8 - 'a') % LETTERS;
    const uint32_t bit = 1u << letter;
    second |= (first & bit) != 0 ? 1u << letter % SECONDS : 0;
    first |= bit;
  }
  return first | second << LETTERS;
}

/// Zero when at most `edits` bits are set.
#define BEYOND(bits, edits) \
  do { \
    for (uint32_t e = 0; e < (edits); e++) (bits) &= (bits) - 1; \
  } while (0)

static inline __attribute__((always_inline)) size_t near(
    const uint32_t *signatures, size_t count, uint32_t wanted, const uint32_t edits,
    uint32_t *output) {
  enum { GROUP = 32 };
  size_t found = 0, start = 0;
  for (; start + GROUP <= count; start += GROUP) {
    uint32_t beyond[GROUP], any = 0;
    for (size_t i = 0; i < GROUP; i++) {
      uint32_t more = signatures[start + i] & ~wanted, less = wanted & ~signatures[start + i];
      BEYOND(more, edits);
      BEYOND(less, edits);
      beyond[i] = more | less;
      any |= beyond[i] == 0 ? 1 : 0;
    }
    if (!any) continue;
    for (size_t i = 0; i < GROUP; i++) {
      output[found] = (uint32_t)(start + i);
      found += beyond[i] == 0;
    }
  }
  return found + kernels_near_scalar(signatures + start, count - start, wanted, edits,
                                     (uint32_t)start, output + found);
}

DISPATCHED
size_t kernels_near(
    const uint32_t *signatures, size_t count, uint32_t wanted, uint32_t edits, uint32_t *output) {
  switch (edits) {
    case 0: return near(signatures, count, wanted, 0, output);
    case 1: return near(signatures, count, wanted, 1, output);
    default: return near(signatures, count, wanted, 2, output);
  }
}

size_t kernels_near_scalar(
    const uint32_t *signatures, size_t count, uint32_t wanted, uint32_t edits, uint32_t start,
    uint32_t *output) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    const uint32_t more = (uint32_t)__builtin_popcount(signatures[i] & ~wanted);
    const uint32_t less = (uint32_t)__builtin_popcount(wanted & ~signatures[i]);
    if (more <= edits && less <= edits) output[found++] = start + (uint32_t)i;
  }
  return found;
}
