// Kernels: the loops that the engines spend their time in. Each has a scalar reference (`…_scalar`) that
// says what it computes; the tests compare the two on every width and on random input.
//
// On x86-64 the loops are compiled twice, for AVX2 and for the baseline, and the loader picks one at run
// time. On other machines the compiler's own vectors are used. No kernel contracts a multiplication and
// an addition into one rounding, so all of them compute the same bits everywhere.

#ifndef SOUK_KERNELS_H
#define SOUK_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define KERNELS_BLOCK 128

// 128 values of `bits` (0 ... 32) bits each, in 16 * bits bytes. Value i stands in lane i % 4 of row i / 4;
// each of the four lanes is a run of bits, and its 32-bit words interleave with the other lanes'.

void kernels_pack(const uint32_t *values, uint32_t bits, uint8_t *output);
void kernels_pack_scalar(const uint32_t *values, uint32_t bits, uint8_t *output);

/// output[i] = value i + 1.
void kernels_unpack_counts(const uint8_t *input, uint32_t bits, uint32_t *output);
void kernels_unpack_counts_scalar(const uint8_t *input, uint32_t bits, uint32_t *output);

/// output[i] = output[i - 1] + value i + 1, where output[-1] is `before`; wraps around.
void kernels_unpack_ascending(const uint8_t *input, uint32_t bits, uint32_t before, uint32_t *output);
void kernels_unpack_ascending_scalar(
    const uint8_t *input, uint32_t bits, uint32_t before, uint32_t *output);

/// BM25 of `count` (at most 128) postings:
/// output[i] = weight - weight / (1 + counts[i] * inverse[norms[documents[i]]])
void kernels_scores(
    const uint32_t *documents, const uint32_t *counts, size_t count, const uint8_t *norms,
    const float *inverse, float weight, float *output);
void kernels_scores_scalar(
    const uint32_t *documents, const uint32_t *counts, size_t count, const uint8_t *norms,
    const float *inverse, float weight, float *output);

// A window's values count only where its bits are set; elsewhere anything may stand in them.

/// Adds values[i] to sums[documents[i] - start], or puts it there, and sets that bit. Documents ascend
/// strictly; values are zero or more.
void kernels_scatter_add(
    const uint32_t *documents, const float *values, size_t count, uint32_t start, float *sums,
    uint64_t *bits);
/// As above, but keeps the larger of the two.
void kernels_scatter_max(
    const uint32_t *documents, const float *values, size_t count, uint32_t start, float *sums,
    uint64_t *bits);
/// Sets the bits documents[i] - start.
void kernels_scatter_bits(
    const uint32_t *documents, size_t count, uint32_t start, uint64_t *bits);

/// Adds the values of one window, whose bits are `others`, to another's, or keeps the larger. Values are
/// zero or more.
void kernels_merge_add(
    float *sums, uint64_t *bits, const float *values, const uint64_t *others, size_t words);
void kernels_merge_max(
    float *sums, uint64_t *bits, const float *values, const uint64_t *others, size_t words);
void kernels_merge_scalar(
    float *sums, uint64_t *bits, const float *values, const uint64_t *others, size_t words,
    int isSum);

/// Clears the bits whose values are below `least`.
void kernels_keep_at_least(const float *values, uint64_t *bits, size_t words, float least);
void kernels_keep_at_least_scalar(const float *values, uint64_t *bits, size_t words, float least);

/// Of a column the cell of ordinal o is chunks[o >> 10][o & 1023], or `initial` where there is no chunk.
#define KERNELS_CHUNK_BITS 10

/// Clears the bits of a window's documents whose cells are not in low ... low + width. Document i of the
/// window has ordinal ordinals[i]; ordinals ascend strictly.
void kernels_keep_in_range(
    int64_t *const *chunks, size_t chunkCount, int64_t initial, const uint32_t *ordinals,
    uint64_t *bits, size_t words, int64_t low, uint64_t width);
void kernels_keep_in_range_scalar(
    int64_t *const *chunks, size_t chunkCount, int64_t initial, const uint32_t *ordinals,
    uint64_t *bits, size_t words, int64_t low, uint64_t width);

/// Clears the bits of a window's documents whose cells' bits are not in `outer`, and sets those in `unsure`
/// whose cells' bits are not in `inner` either. Both have a bit for each of 65,536 cells.
void kernels_keep_in_cells(
    const uint16_t *cells, uint64_t *bits, size_t words, const uint64_t *outer,
    const uint64_t *inner, uint64_t *unsure);

/// The postings whose documents' bits are set, in order; how many these are. The outputs have room for all.
size_t kernels_choose(
    const uint32_t *documents, const uint32_t *counts, size_t count, uint32_t start,
    const uint64_t *bits, uint32_t *chosen, uint32_t *chosenCounts);

/// The letters of a word: bits 0 ... 25 say which it has, bits 26 ... 31 which it has twice, both folded.
/// Words are UTF-8; a character counts by its first byte.
///
/// An edit takes at most one letter away and adds at most one, so of two words that are `edits` apart
/// each signature has at most `edits` bits that the other one lacks.
uint32_t kernels_signature(const uint8_t *word, size_t count);

/// The indices, ascending, of the signatures that have at most `edits` (0 ... 2) bits that `wanted` lacks
/// and lack at most as many that it has; how many these are. `output` has room for `count` and one more.
size_t kernels_near(
    const uint32_t *signatures, size_t count, uint32_t wanted, uint32_t edits, uint32_t *output);
/// As above; `start` is added to each index.
size_t kernels_near_scalar(
    const uint32_t *signatures, size_t count, uint32_t wanted, uint32_t edits, uint32_t start,
    uint32_t *output);

/// The four lanes of four XXH64 hashes, four after four in `lanes`, moved on by `stripes` stripes of 32
/// bytes of each input. With AVX-512 where there is.
void kernels_hash_lanes(
    const uint8_t *first, const uint8_t *second, const uint8_t *third, const uint8_t *fourth,
    size_t stripes, uint64_t *lanes);
void kernels_hash_lanes_scalar(
    const uint8_t *first, const uint8_t *second, const uint8_t *third, const uint8_t *fourth,
    size_t stripes, uint64_t *lanes);

/// Begins to write a part of a file from memory to the disk, and does not wait for it. A wish, no promise.
void kernels_start_writing(int descriptor, int64_t offset, int64_t count);

#endif
