// The workload of `souk bench store`, for the peers: what is written, in which order, and how it is
// measured. Sources/souk/Bench/StoreRows.swift makes the same rows from the same numbers; a change
// here is a change there.
//
//   row       a key of 16 bytes and a value of 200
//   stored    row i of n lies at a random place of the i-th of n equal parts of the keys that begin
//             with a zero byte: loading 0..<n is loading in key order
//   random    a key anywhere among the stored ones
//   ordered   a key above all of them and above nearly all of the earlier ones, as UUIDv7 gives:
//             48 bits of milliseconds (eight commits each), 12 random bits, 62 random bits
//   value     its first eight bytes follow from the key, so that every get can be proved; the
//             rest is random and does not compress
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEY_BYTES = 16, VALUE_BYTES = 200, ROWS_PER_COMMIT = 10 };

typedef struct {
  uint8_t key[KEY_BYTES];
  uint8_t value[VALUE_BYTES];
} row;

static void die(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

// SplitMix64 (Steele, Lea, Flood 2014): the number that follows state `x`.
static inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

static inline uint64_t next_random(uint64_t *state) {
  uint64_t result = mix(*state);
  *state += 0x9e3779b97f4a7c15;
  return result;
}

static inline void put_key(uint8_t *key, uint64_t high, uint64_t low) {
  high = __builtin_bswap64(high);
  low = __builtin_bswap64(low);
  memcpy(key, &high, 8);
  memcpy(key + 8, &low, 8);
}

static inline void stored_key(uint8_t *key, uint64_t index, uint64_t count) {
  uint64_t stride = (1ull << 56) / count;
  put_key(key, index * stride + mix(index) % stride, mix(~index));
}

static inline void random_key(uint8_t *key, uint64_t *state) {
  uint64_t high = next_random(state) >> 8;
  put_key(key, high, next_random(state));
}

static inline void ordered_key(uint8_t *key, uint64_t commit, uint64_t place) {
  uint64_t high = ((0x019300000000 + commit / 8) << 16) | 0x7000 | (mix(commit) & 0xfff);
  put_key(key, high, (1ull << 63) | ((mix(~commit) >> 3) + place));
}

// What the first eight bytes of a key's value are.
static inline uint64_t check_word(const uint8_t *key) {
  uint64_t high, low;
  memcpy(&high, key, 8);
  memcpy(&low, key + 8, 8);
  return mix(__builtin_bswap64(high ^ low));
}

static inline void fill_value(row *r, uint64_t version) {
  uint64_t word = check_word(r->key);
  memcpy(r->value, &word, 8);
  uint64_t state = word ^ mix(version);
  for (int at = 8; at < VALUE_BYTES; at += 8) {
    word = next_random(&state);
    memcpy(r->value + at, &word, 8);
  }
}

static inline int value_fits(const uint8_t *key, const void *value, size_t bytes) {
  uint64_t word;
  if (bytes != VALUE_BYTES) return 0;
  memcpy(&word, value, 8);
  return word == check_word(key);
}

static inline uint64_t fold_row(uint64_t hash, const row *r) {
  uint64_t word;
  for (int at = 0; at < (int)sizeof *r; at += 8) {
    memcpy(&word, (const uint8_t *)r + at, 8);
    hash = mix(hash ^ word);
  }
  return hash;
}

// A hash over some rows of each kind: equal for all programs that make the same rows.
static inline uint64_t sample(void) {
  uint64_t hash = 0, state = 5;
  row r;
  for (uint64_t i = 0; i < 10; i++) {
    stored_key(r.key, i, 1000);
    fill_value(&r, i);
    hash = fold_row(hash, &r);
    random_key(r.key, &state);
    fill_value(&r, i);
    hash = fold_row(hash, &r);
    ordered_key(r.key, i * 3, i);
    fill_value(&r, i);
    hash = fold_row(hash, &r);
  }
  return hash;
}

// Measures

static inline int64_t now_nanos(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static inline double processor_micros(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

// The number after `name` in one of the process's files below /proc.
static inline uint64_t proc_number(const char *path, const char *name) {
  char line[256];
  uint64_t value = 0;
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file))
    if (!strncmp(line, name, strlen(name))) value = strtoull(line + strlen(name), NULL, 10);
  fclose(file);
  return value;
}

// Bytes that this process has handed to the kernel in writes. What the kernel says it will write
// (write_bytes) counts whole folios, which are larger than the pages that are written in them.
static inline uint64_t bytes_written(void) { return proc_number("/proc/self/io", "wchar: "); }

// Bytes of the files in a folder without folders in it.
static inline uint64_t folder_bytes(const char *path) {
  uint64_t total = 0;
  DIR *folder = opendir(path);
  if (!folder) return 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char name[4096];
    struct stat status;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (!stat(name, &status) && S_ISREG(status.st_mode)) total += status.st_size;
  }
  closedir(folder);
  return total;
}

static inline int ascending_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline double median(double *values, int count) {
  qsort(values, count, sizeof *values, ascending_doubles);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

#endif
