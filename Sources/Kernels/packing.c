// Bit packing of blocks of 128 in four interleaved lanes (Lemire and Boytsov, "Decoding billions of
// integers per second through vectorization", 2015). The lanes are the compiler's generic vectors: SSE2
// on x86-64, NEON on arm64, both part of the baseline, so nothing is dispatched here.

#include "Kernels.h"

#include <string.h>

typedef uint32_t lanes __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))

INLINE lanes load(const uint8_t *from) {
  lanes value;
  memcpy(&value, from, 16);
  return value;
}

INLINE void store(void *to, lanes value) { memcpy(to, &value, 16); }

INLINE lanes all(uint32_t value) { return (lanes){value, value, value, value}; }

/// Row `row` of a block of `bits`-wide values; both are constants after inlining.
INLINE lanes row_of(const uint8_t *input, const uint32_t bits, const uint32_t row) {
  if (bits == 0) return all(0);
  if (bits == 32) return load(input + 16 * row);
  const uint32_t first = row * bits / 32, shift = row * bits % 32;
  lanes value = load(input + 16 * first) >> shift;
  if (shift + bits > 32) value |= load(input + 16 * (first + 1)) << (32 - shift);
  return value & all((1u << bits) - 1);
}

INLINE void unpack_counts(const uint8_t *input, const uint32_t bits, uint32_t *output) {
#pragma clang loop unroll(full)
  for (uint32_t row = 0; row < 32; row++) {
    store(output + 4 * row, row_of(input, bits, row) + all(1));
  }
}

INLINE void unpack_ascending(
    const uint8_t *input, const uint32_t bits, uint32_t before, uint32_t *output) {
  lanes last = all(before);
#pragma clang loop unroll(full)
  for (uint32_t row = 0; row < 32; row++) {
    lanes value = row_of(input, bits, row) + all(1);
    value += __builtin_shufflevector(all(0), value, 0, 4, 5, 6);
    value += __builtin_shufflevector(all(0), value, 0, 1, 4, 5);
    value += last;
    store(output + 4 * row, value);
    last = __builtin_shufflevector(value, value, 3, 3, 3, 3);
  }
}

INLINE void pack(const uint32_t *values, const uint32_t bits, uint8_t *output) {
  if (bits == 0) return;
  const lanes mask = all(bits == 32 ? ~0u : (1u << bits) - 1);
  lanes word = all(0);
  uint32_t filled = 0;
  for (uint32_t row = 0; row < 32; row++) {
    const lanes value = load((const uint8_t *)(values + 4 * row)) & mask;
    word |= value << filled;
    filled += bits;
    if (filled >= 32) {
      store(output, word);
      output += 16;
      filled -= 32;
      word = filled == 0 ? all(0) : value >> (bits - filled);
    }
  }
}

#define WIDTHS(CASE) \
  CASE(0) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) \
  CASE(11) CASE(12) CASE(13) CASE(14) CASE(15) CASE(16) CASE(17) CASE(18) CASE(19) CASE(20) \
  CASE(21) CASE(22) CASE(23) CASE(24) CASE(25) CASE(26) CASE(27) CASE(28) CASE(29) CASE(30) \
  CASE(31) CASE(32)

void kernels_pack(const uint32_t *values, uint32_t bits, uint8_t *output) {
  if (bits <= 32) pack(values, bits, output);
}

void kernels_unpack_counts(const uint8_t *input, uint32_t bits, uint32_t *output) {
  switch (bits) {
#define CASE(n) case n: unpack_counts(input, n, output); break;
    WIDTHS(CASE)
#undef CASE
    default: break;
  }
}

void kernels_unpack_ascending(
    const uint8_t *input, uint32_t bits, uint32_t before, uint32_t *output) {
  switch (bits) {
#define CASE(n) case n: unpack_ascending(input, n, before, output); break;
    WIDTHS(CASE)
#undef CASE
    default: break;
  }
}

// References: bit by bit.

static uint32_t bit_at(uint32_t index, uint32_t bits, uint32_t bit, uint32_t *offset) {
  const uint32_t place = index / 4 * bits + bit;
  *offset = place / 32 * 16 + index % 4 * 4 + place % 32 / 8;
  return place % 8;
}

void kernels_pack_scalar(const uint32_t *values, uint32_t bits, uint8_t *output) {
  memset(output, 0, 16 * bits);
  for (uint32_t index = 0; index < KERNELS_BLOCK; index++) {
    for (uint32_t bit = 0; bit < bits; bit++) {
      uint32_t offset;
      const uint32_t place = bit_at(index, bits, bit, &offset);
      output[offset] |= (uint8_t)((values[index] >> bit & 1) << place);
    }
  }
}

void kernels_unpack_counts_scalar(const uint8_t *input, uint32_t bits, uint32_t *output) {
  for (uint32_t index = 0; index < KERNELS_BLOCK; index++) {
    uint32_t value = 0;
    for (uint32_t bit = 0; bit < bits; bit++) {
      uint32_t offset;
      const uint32_t place = bit_at(index, bits, bit, &offset);
      value |= (uint32_t)(input[offset] >> place & 1) << bit;
    }
    output[index] = value + 1;
  }
}

void kernels_unpack_ascending_scalar(
    const uint8_t *input, uint32_t bits, uint32_t before, uint32_t *output) {
  kernels_unpack_counts_scalar(input, bits, output);
  for (uint32_t index = 0; index < KERNELS_BLOCK; index++) {
    before += output[index];
    output[index] = before;
  }
}
