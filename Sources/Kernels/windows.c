// Scores and bits of a window of documents.

#include "Kernels.h"

#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define DISPATCHED __attribute__((target_clones("avx2", "default")))
#else
#define DISPATCHED
#endif

#pragma STDC FP_CONTRACT OFF

DISPATCHED
void kernels_scores(
    const uint32_t *documents, const uint32_t *counts, size_t count, const uint8_t *norms,
    const float *inverse, float weight, float *output) {
  float factors[KERNELS_BLOCK];
  if (count > KERNELS_BLOCK) return;
  for (size_t i = 0; i < count; i++) factors[i] = inverse[norms[documents[i]]];
  // A count is below 2^31, and the signed conversion is one instruction.
  for (size_t i = 0; i < count; i++) {
    output[i] = weight - weight / (1.0f + (float)(int32_t)counts[i] * factors[i]);
  }
}

void kernels_scores_scalar(
    const uint32_t *documents, const uint32_t *counts, size_t count, const uint8_t *norms,
    const float *inverse, float weight, float *output) {
  for (size_t i = 0; i < count; i++) {
    const float product = (float)counts[i] * inverse[norms[documents[i]]];
    const float sum = 1.0f + product;
    const float quotient = weight / sum;
    output[i] = weight - quotient;
  }
}

/// The value where a bit says that there is one, else zero; whatever stands in `value`.
static inline __attribute__((always_inline)) float there(float value, uint32_t bit) {
  union {
    float value;
    uint32_t bits;
  } held = {value};
  held.bits &= 0u - bit;
  return held.value;
}

void kernels_scatter_add(
    const uint32_t *documents, const float *values, size_t count, uint32_t start, float *sums,
    uint64_t *bits) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t slot = documents[i] - start;
    const uint64_t word = bits[slot >> 6];
    sums[slot] = there(sums[slot], word >> (slot & 63) & 1) + values[i];
    bits[slot >> 6] = word | (uint64_t)1 << (slot & 63);
  }
}

void kernels_scatter_max(
    const uint32_t *documents, const float *values, size_t count, uint32_t start, float *sums,
    uint64_t *bits) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t slot = documents[i] - start;
    const uint64_t word = bits[slot >> 6];
    const float old = there(sums[slot], word >> (slot & 63) & 1);
    sums[slot] = values[i] > old ? values[i] : old;
    bits[slot >> 6] = word | (uint64_t)1 << (slot & 63);
  }
}

void kernels_scatter_bits(
    const uint32_t *documents, size_t count, uint32_t start, uint64_t *bits) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t slot = documents[i] - start;
    bits[slot >> 6] |= (uint64_t)1 << (slot & 63);
  }
}

/// Fewer bits of a word than this are looked at one by one.
#define DENSE 12

static inline __attribute__((always_inline)) float combined(float a, float b, const int isSum) {
  return isSum ? a + b : b > a ? b : a;
}

typedef float eight __attribute__((vector_size(32)));
typedef int32_t eight_bits __attribute__((vector_size(32)));

/// Eight values, zero where the bit of the lowest eight is not set. By address, for a vector that is
/// returned would depend on the processor.
static inline __attribute__((always_inline)) void eight_there(
    const float *from, uint64_t bits, eight *to) {
  const eight_bits places = {1, 2, 4, 8, 16, 32, 64, 128};
  const int32_t own = (int32_t)(bits & 255);
  const eight_bits all = {own, own, own, own, own, own, own, own};
  eight_bits value;
  memcpy(&value, from, sizeof value);
  *to = (eight)(value & ((all & places) != 0));
}

static inline __attribute__((always_inline)) void merge(
    float *sums, uint64_t *bits, const float *values, const uint64_t *others, size_t words,
    const int isSum) {
  for (size_t word = 0; word < words; word++, sums += 64, values += 64) {
    const uint64_t old = bits[word], added = others[word];
    if (added == 0) continue;
    bits[word] = old | added;
    if (__builtin_popcountll(added) < DENSE) {
      for (uint64_t rest = added; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctzll(rest);
        sums[i] = combined(there(sums[i], old >> i & 1), values[i], isSum);
      }
    } else if (old == 0) {
      for (size_t i = 0; i < 64; i++) sums[i] = values[i];
    } else {
      for (size_t group = 0; group < 64; group += 8) {
        eight own, other;
        eight_there(sums + group, old >> group, &own);
        eight_there(values + group, added >> group, &other);
        const eight_bits isMore = other > own;
        const eight most = (eight)(((eight_bits)other & isMore) | ((eight_bits)own & ~isMore));
        const eight result = isSum ? own + other : most;
        memcpy(sums + group, &result, sizeof result);
      }
    }
  }
}

DISPATCHED
void kernels_merge_add(
    float *sums, uint64_t *bits, const float *values, const uint64_t *others, size_t words) {
  merge(sums, bits, values, others, words, 1);
}

DISPATCHED
void kernels_merge_max(
    float *sums, uint64_t *bits, const float *values, const uint64_t *others, size_t words) {
  merge(sums, bits, values, others, words, 0);
}

DISPATCHED
void kernels_keep_at_least(const float *values, uint64_t *bits, size_t words, float least) {
  for (size_t word = 0; word < words; word++, values += 64) {
    if (bits[word] == 0) continue;
    uint64_t kept = 0;
    if (__builtin_popcountll(bits[word]) < DENSE) {
      for (uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctzll(rest);
        kept |= (uint64_t)(values[i] >= least) << i;
      }
    } else {
      // Mostly nothing is: that is known after a few instructions.
      uint32_t any = 0;
      for (size_t i = 0; i < 64; i++) any |= values[i] >= least ? 1 : 0;
      if (any) {
        for (size_t i = 0; i < 64; i++) kept |= (uint64_t)(values[i] >= least) << i;
      }
    }
    bits[word] &= kept;
  }
}

void kernels_merge_scalar(
    float *sums, uint64_t *bits, const float *values, const uint64_t *others, size_t words,
    int isSum) {
  for (size_t i = 0; i < 64 * words; i++) {
    const uint64_t bit = (uint64_t)1 << (i % 64);
    if (!(others[i / 64] & bit)) continue;
    if (!(bits[i / 64] & bit)) sums[i] = values[i];
    else if (isSum) sums[i] += values[i];
    else if (values[i] > sums[i]) sums[i] = values[i];
    bits[i / 64] |= bit;
  }
}

void kernels_keep_at_least_scalar(const float *values, uint64_t *bits, size_t words, float least) {
  for (size_t i = 0; i < 64 * words; i++) {
    if (!(values[i] >= least)) bits[i / 64] &= ~((uint64_t)1 << (i % 64));
  }
}
