// The lanes of four XXH64 hashes at once. One hash is a chain of multiplications that each wait for the
// one before; four chains side by side keep the multipliers busy. With AVX-512 the four lanes of a hash
// are one vector, which took 0.27 µs for 8 KiB where a hash by itself takes 0.71.

#include "Kernels.h"

#include <string.h>

#define PRIME1 0x9E3779B185EBCA87ull
#define PRIME2 0xC2B2AE3D27D4EB4Full
#define STRIPE 32

static inline uint64_t rotated(uint64_t value, int bits) {
  return value << bits | value >> (64 - bits);
}

static inline uint64_t load(const uint8_t *from) {
  uint64_t value;
  memcpy(&value, from, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  return value;
}

void kernels_hash_lanes_scalar(
    const uint8_t *first, const uint8_t *second, const uint8_t *third, const uint8_t *fourth,
    size_t stripes, uint64_t *lanes) {
  const uint8_t *inputs[4] = {first, second, third, fourth};
  for (int input = 0; input < 4; input++) {
    uint64_t a = lanes[4 * input], b = lanes[4 * input + 1];
    uint64_t c = lanes[4 * input + 2], d = lanes[4 * input + 3];
    const uint8_t *from = inputs[input];
    for (size_t stripe = 0; stripe < stripes; stripe++, from += STRIPE) {
      a = rotated(a + load(from) * PRIME2, 31) * PRIME1;
      b = rotated(b + load(from + 8) * PRIME2, 31) * PRIME1;
      c = rotated(c + load(from + 16) * PRIME2, 31) * PRIME1;
      d = rotated(d + load(from + 24) * PRIME2, 31) * PRIME1;
    }
    lanes[4 * input] = a;
    lanes[4 * input + 1] = b;
    lanes[4 * input + 2] = c;
    lanes[4 * input + 3] = d;
  }
}

#if defined(__x86_64__)
typedef uint64_t four __attribute__((vector_size(STRIPE)));

__attribute__((target("avx512dq,avx512vl"))) static void hash_lanes_vector(
    const uint8_t *first, const uint8_t *second, const uint8_t *third, const uint8_t *fourth,
    size_t stripes, uint64_t *lanes) {
  four a, b, c, d, w, x, y, z;
  memcpy(&a, lanes, STRIPE);
  memcpy(&b, lanes + 4, STRIPE);
  memcpy(&c, lanes + 8, STRIPE);
  memcpy(&d, lanes + 12, STRIPE);
  for (size_t at = 0; at < stripes * STRIPE; at += STRIPE) {
    memcpy(&w, first + at, STRIPE);
    memcpy(&x, second + at, STRIPE);
    memcpy(&y, third + at, STRIPE);
    memcpy(&z, fourth + at, STRIPE);
    a += w * PRIME2;
    b += x * PRIME2;
    c += y * PRIME2;
    d += z * PRIME2;
    a = (a << 31 | a >> 33) * PRIME1;
    b = (b << 31 | b >> 33) * PRIME1;
    c = (c << 31 | c >> 33) * PRIME1;
    d = (d << 31 | d >> 33) * PRIME1;
  }
  memcpy(lanes, &a, STRIPE);
  memcpy(lanes + 4, &b, STRIPE);
  memcpy(lanes + 8, &c, STRIPE);
  memcpy(lanes + 12, &d, STRIPE);
}

void kernels_hash_lanes(
    const uint8_t *first, const uint8_t *second, const uint8_t *third, const uint8_t *fourth,
    size_t stripes, uint64_t *lanes) {
  if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    hash_lanes_vector(first, second, third, fourth, stripes, lanes);
  } else {
    kernels_hash_lanes_scalar(first, second, third, fourth, stripes, lanes);
  }
}
#else
void kernels_hash_lanes(
    const uint8_t *first, const uint8_t *second, const uint8_t *third, const uint8_t *fourth,
    size_t stripes, uint64_t *lanes) {
  kernels_hash_lanes_scalar(first, second, third, fourth, stripes, lanes);
}
#endif
