// Scores and bits of a window of documents.

#include "Kernels.h"

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

void kernels_scatter_add(
    const uint32_t *documents, const float *values, size_t count, uint32_t start, float *sums,
    uint64_t *bits) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t slot = documents[i] - start;
    sums[slot] += values[i];
    bits[slot >> 6] |= (uint64_t)1 << (slot & 63);
  }
}

void kernels_scatter_max(
    const uint32_t *documents, const float *values, size_t count, uint32_t start, float *sums,
    uint64_t *bits) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t slot = documents[i] - start;
    if (values[i] > sums[slot]) sums[slot] = values[i];
    bits[slot >> 6] |= (uint64_t)1 << (slot & 63);
  }
}

void kernels_scatter_bits(
    const uint32_t *documents, size_t count, uint32_t start, uint64_t *bits) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t slot = documents[i] - start;
    bits[slot >> 6] |= (uint64_t)1 << (slot & 63);
  }
}

DISPATCHED
void kernels_add(float *sums, const float *values, size_t count) {
  for (size_t i = 0; i < count; i++) sums[i] += values[i];
}

DISPATCHED
void kernels_max(float *sums, const float *values, size_t count) {
  for (size_t i = 0; i < count; i++) sums[i] = values[i] > sums[i] ? values[i] : sums[i];
}

DISPATCHED
void kernels_at_least(const float *values, size_t count, float least, uint64_t *bits) {
  for (size_t word = 0; word < count / 64; word++) {
    const float *from = values + 64 * word;
    // Mostly nothing is: the greatest of 64 says so in a few instructions.
    float most[8];
    for (size_t j = 0; j < 8; j++) most[j] = from[j];
    for (size_t i = 8; i < 64; i += 8) {
      for (size_t j = 0; j < 8; j++) most[j] = from[i + j] > most[j] ? from[i + j] : most[j];
    }
    float greatest = most[0];
    for (size_t j = 1; j < 8; j++) greatest = most[j] > greatest ? most[j] : greatest;
    uint64_t result = 0;
    if (greatest >= least) {
      for (size_t i = 0; i < 64; i++) result |= (uint64_t)(from[i] >= least) << i;
    }
    bits[word] = result;
  }
}

void kernels_at_least_scalar(const float *values, size_t count, float least, uint64_t *bits) {
  for (size_t i = 0; i < count; i++) {
    if (i % 64 == 0) bits[i / 64] = 0;
    if (values[i] >= least) bits[i / 64] |= (uint64_t)1 << (i % 64);
  }
}
