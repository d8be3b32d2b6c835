// Filters of a window of documents: those whose cells are in a range, those whose places are in an area,
// and the postings of those that are wanted.

#include "Kernels.h"

#include <stdbool.h>

#if defined(__x86_64__) && defined(__linux__)
#define DISPATCHED __attribute__((target_clones("avx2", "default")))
#else
#define DISPATCHED
#endif

/// Fewer bits of a word than this are looked at one by one.
#define DENSE 24
#define CHUNK ((uint32_t)1 << KERNELS_CHUNK_BITS)

static inline __attribute__((always_inline)) bool is_inside(
    int64_t value, int64_t low, uint64_t width) {
  return (uint64_t)value - (uint64_t)low <= width;
}

static inline __attribute__((always_inline)) int64_t cell(
    int64_t *const *chunks, size_t chunkCount, int64_t initial, uint32_t ordinal) {
  const size_t chunk = ordinal >> KERNELS_CHUNK_BITS;
  return chunk < chunkCount && chunks[chunk] ? chunks[chunk][ordinal & (CHUNK - 1)] : initial;
}

DISPATCHED
void kernels_keep_in_range(
    int64_t *const *chunks, size_t chunkCount, int64_t initial, const uint32_t *ordinals,
    uint64_t *bits, size_t words, int64_t low, uint64_t width) {
  size_t end = words;
  while (end > 0 && bits[end - 1] == 0) end--;
  if (end == 0) return;
  // Mostly the ordinals of a window follow one another: then only the first and the last are read.
  const size_t last = 64 * end - 1 - (size_t)__builtin_clzll(bits[end - 1]);
  const bool areDense = ordinals[last] - ordinals[0] == last;
  for (size_t word = 0; word < end; word++) {
    const uint64_t all = bits[word];
    if (all == 0) continue;
    uint64_t kept = 0;
    const uint32_t first = ordinals[0] + 64 * (uint32_t)word;
    const size_t chunk = first >> KERNELS_CHUNK_BITS;
    const uint32_t place = first & (CHUNK - 1);
    if (areDense && place + 63 < CHUNK && chunk < chunkCount && chunks[chunk]) {
      const int64_t *run = chunks[chunk] + place;
      if (__builtin_popcountll(all) >= DENSE) {
        for (size_t i = 0; i < 64; i++) kept |= (uint64_t)is_inside(run[i], low, width) << i;
      } else {
        for (uint64_t rest = all; rest != 0; rest &= rest - 1) {
          const int i = __builtin_ctzll(rest);
          kept |= (uint64_t)is_inside(run[i], low, width) << i;
        }
      }
    } else {
      for (uint64_t rest = all; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctzll(rest);
        const int64_t value = cell(chunks, chunkCount, initial, ordinals[64 * word + i]);
        kept |= (uint64_t)is_inside(value, low, width) << i;
      }
    }
    bits[word] = all & kept;
  }
}

void kernels_keep_in_range_scalar(
    int64_t *const *chunks, size_t chunkCount, int64_t initial, const uint32_t *ordinals,
    uint64_t *bits, size_t words, int64_t low, uint64_t width) {
  for (size_t i = 0; i < 64 * words; i++) {
    const uint64_t bit = (uint64_t)1 << (i % 64);
    if (!(bits[i / 64] & bit)) continue;
    const int64_t value = cell(chunks, chunkCount, initial, ordinals[i]);
    if (value < low || (uint64_t)value - (uint64_t)low > width) bits[i / 64] &= ~bit;
  }
}

void kernels_keep_in_cells(
    const uint16_t *cells, uint64_t *bits, size_t words, const uint64_t *outer,
    const uint64_t *inner, uint64_t *unsure) {
  for (size_t word = 0; word < words; word++, cells += 64) {
    uint64_t kept = 0, sure = 0;
    for (uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
      const int i = __builtin_ctzll(rest);
      const uint32_t place = cells[i] >> 6, bit = cells[i] & 63;
      kept |= (outer[place] >> bit & 1) << i;
      sure |= (inner[place] >> bit & 1) << i;
    }
    bits[word] = kept;
    unsure[word] = kept & ~sure;
  }
}

size_t kernels_choose(
    const uint32_t *documents, const uint32_t *counts, size_t count, uint32_t start,
    const uint64_t *bits, uint32_t *chosen, uint32_t *chosenCounts) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    const uint32_t slot = documents[i] - start;
    chosen[found] = documents[i];
    chosenCounts[found] = counts[i];
    found += bits[slot >> 6] >> (slot & 63) & 1;
  }
  return found;
}
