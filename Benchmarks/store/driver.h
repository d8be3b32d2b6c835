// The loops of `souk bench store`, one process a measurement, one line of JSON each. A peer defines
// the functions below as static and then includes this file, so that each call is direct.
// Sources/souk/Bench/StoreWorkload.swift runs the same loops over souk.
//
//   PEER --workload NAME --folder PATH --keys N [--seconds S] [--cache BYTES] [--clients N]
//        [--order ordered|random] [--rows N]
#ifndef DRIVER_H
#define DRIVER_H

#include <pthread.h>
#include <signal.h>

#include "workload.h"

// Opens or makes the store. Without `checkpoints` all that is written stays in the log.
static void db_open(const char *folder, uint64_t cache_bytes, int checkpoints);
static void db_close(void);
// What is in the log goes to where it is kept.
static void db_checkpoint(void);
// Writes the rows as one durable transaction. Any thread.
static void db_commit(const row *rows, int count);
// Rows in key order into an empty store; durable after the end.
static void db_load_begin(void);
static void db_load(const row *r);
static void db_load_end(void);
static void db_read_begin(void);
// The value, good until the next call; NULL when there is none.
static const void *db_get(const uint8_t *key, size_t *bytes);
static void db_read_end(void);
// Goes over all rows in key order.
static uint64_t db_scan(void);
// Bytes in the log now; 0 for a store without one.
static uint64_t db_log_bytes(void);
// Makes the files as small as the store can.
static void db_compact(void);

static struct {
  const char *workload, *folder, *order;
  uint64_t keys, cache, rows;
  int clients;
  double seconds;
} option = {"", "", "random", 1000000, 256 << 20, 0, 1, 3};

static int printed;

static void print_measure(const char *name, double value) {
  printf("%s{\"name\":\"%s\",\"value\":%.3f}", printed++ ? "," : "", name, value);
}

static void load_rows(uint64_t count) {
  row r;
  db_load_begin();
  for (uint64_t i = 0; i < count; i++) {
    stored_key(r.key, i, count);
    fill_value(&r, 0);
    db_load(&r);
  }
  db_load_end();
}

static void expect_row(const uint8_t *key) {
  size_t bytes = 0;
  const void *value = db_get(key, &bytes);
  if (!value || !value_fits(key, value, bytes)) die(option.workload, "a row is missing or wrong");
}

// Commits

static int64_t window_start, window_end;
static uint64_t commits_made;

typedef struct {
  pthread_t thread;
  uint64_t number;
  double *latencies;
  size_t count, room;
  int64_t last;
} client;

static void *run_client(void *argument) {
  client *self = (client *)argument;
  uint64_t state = mix(self->number + 1);
  row rows[ROWS_PER_COMMIT];
  int is_ordered = !strcmp(option.order, "ordered");
  while (1) {
    uint64_t commit = __atomic_fetch_add(&commits_made, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < ROWS_PER_COMMIT; i++) {
      if (is_ordered) ordered_key(rows[i].key, commit, i);
      else random_key(rows[i].key, &state);
      fill_value(&rows[i], 1);
    }
    int64_t before = now_nanos();
    if (before >= window_end) {
      __atomic_fetch_sub(&commits_made, 1, __ATOMIC_RELAXED);
      return NULL;
    }
    db_commit(rows, ROWS_PER_COMMIT);
    int64_t after = now_nanos();
    if (before < window_start) continue;
    if (self->count == self->room) {
      self->room = self->room ? self->room * 2 : 4096;
      self->latencies = (double *)realloc(self->latencies, self->room * sizeof(double));
    }
    self->latencies[self->count++] = (after - before) / 1000.0;
    self->last = after;
  }
}

static void run_commit(void) {
  db_open(option.folder, option.cache, 1);
  load_rows(option.keys);
  db_checkpoint();
  uint64_t written_first = bytes_written();
  client *clients = (client *)calloc(option.clients, sizeof *clients);
  window_start = now_nanos() + 300000000;
  window_end = window_start + (int64_t)(option.seconds * 1e9);
  for (int i = 0; i < option.clients; i++) {
    clients[i].number = i;
    if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i])) die("commit", "thread");
  }
  int64_t left = window_start - now_nanos();
  if (left > 0) usleep(left / 1000);
  uint64_t written_before = bytes_written();
  double processor_before = processor_micros();
  size_t total = 0;
  int64_t last = 0;
  for (int i = 0; i < option.clients; i++) {
    pthread_join(clients[i].thread, NULL);
    total += clients[i].count;
    if (clients[i].last > last) last = clients[i].last;
  }
  double processor = processor_micros() - processor_before;
  uint64_t written = bytes_written() - written_before;
  if (!total) die("commit", "no commit was completed");
  double *all = (double *)malloc(total * sizeof *all);
  size_t at = 0;
  for (int i = 0; i < option.clients; i++) {
    memcpy(all + at, clients[i].latencies, clients[i].count * sizeof *all);
    at += clients[i].count;
  }
  qsort(all, total, sizeof *all, ascending_doubles);
  db_close();
  print_measure("commitsPerSecond", total * 1e9 / (last - window_start));
  print_measure("p50Micros", all[total / 2]);
  print_measure("p99Micros", all[total * 99 / 100]);
  print_measure("bytesPerCommit", (double)written / total);
  print_measure("bytesPerCommitClosed", (double)(bytes_written() - written_first) / commits_made);
  print_measure("cpuMicrosPerCommit", processor / total);
}

// Reads

static void run_load(void) {
  db_open(option.folder, option.cache, 1);
  int64_t start = now_nanos();
  load_rows(option.keys);
  int64_t durable = now_nanos();
  db_close();
  print_measure("recordsPerSecond", option.keys * 1e9 / (durable - start));
  print_measure("recordsPerSecondClosed", option.keys * 1e9 / (now_nanos() - start));
  print_measure("folderOverLive",
                (double)folder_bytes(option.folder) / (option.keys * (KEY_BYTES + VALUE_BYTES)));
}

static void run_get(void) {
  enum { PASSES = 3 };
  double nanos[PASSES];
  uint8_t key[KEY_BYTES];
  uint64_t state = 7, gets = option.keys < 500000 ? option.keys : 500000;
  db_open(option.folder, option.cache, 1);
  db_read_begin();
  if (db_scan() != option.keys) die("get", "not all rows were seen");
  for (int pass = -1; pass < PASSES; pass++) {
    int64_t start = now_nanos();
    for (uint64_t i = 0; i < gets; i++) {
      stored_key(key, next_random(&state) % option.keys, option.keys);
      expect_row(key);
    }
    if (pass >= 0) nanos[pass] = (double)(now_nanos() - start) / gets;
  }
  db_read_end();
  db_close();
  print_measure("nanosPerGet", median(nanos, PASSES));
}

static void run_scan(void) {
  enum { PASSES = 3 };
  double rates[PASSES];
  db_open(option.folder, option.cache, 1);
  for (int pass = -1; pass < PASSES; pass++) {
    db_read_begin();
    int64_t start = now_nanos();
    uint64_t count = db_scan();
    if (count != option.keys) die("scan", "not all rows were seen");
    if (pass >= 0) rates[pass] = count * 1e9 / (now_nanos() - start);
    db_read_end();
  }
  db_close();
  print_measure("recordsPerSecond", median(rates, PASSES));
}

static void run_open(void) {
  uint8_t key[KEY_BYTES];
  stored_key(key, option.keys / 2, option.keys);
  int64_t start = now_nanos();
  db_open(option.folder, option.cache, 1);
  db_read_begin();
  expect_row(key);
  print_measure("openMillis", (now_nanos() - start) / 1e6);
  db_read_end();
  db_close();
}

// Ten overwrites in a transaction, then a hundred gets, all over the store, for the time given.
static void run_memory(void) {
  db_open(option.folder, option.cache, 1);
  row rows[ROWS_PER_COMMIT];
  uint8_t key[KEY_BYTES];
  uint64_t state = 11, gets = 0;
  int64_t end = now_nanos() + (int64_t)(option.seconds * 1e9);
  while (now_nanos() < end) {
    for (int i = 0; i < ROWS_PER_COMMIT; i++) {
      stored_key(rows[i].key, next_random(&state) % option.keys, option.keys);
      fill_value(&rows[i], gets);
    }
    db_commit(rows, ROWS_PER_COMMIT);
    db_read_begin();
    for (int i = 0; i < 100; i++, gets++) {
      stored_key(key, next_random(&state) % option.keys, option.keys);
      expect_row(key);
    }
    db_read_end();
  }
  db_close();
  double peak = proc_number("/proc/self/status", "VmHWM:") * 1024.0;
  print_measure("peakMiB", peak / (1 << 20));
  print_measure("peakOverCache", peak / option.cache);
  print_measure("getsPerSecond", gets / option.seconds);
}

// Recovery: the first process writes until the log has 256 MiB and is killed, the second opens.

static void recovery_rows(row *rows, int count, uint64_t *state) {
  for (int i = 0; i < count; i++) {
    random_key(rows[i].key, state);
    fill_value(&rows[i], 2);
  }
}

enum { ROWS_PER_RECOVERY_COMMIT = 1000, LOG_BYTES = 256 << 20, CHECK_EVERY = 20000 };

static void run_fill_log(void) {
  row *rows = (row *)malloc(ROWS_PER_RECOVERY_COMMIT * sizeof *rows);
  uint64_t state = 13, count = 0;
  db_open(option.folder, option.cache, 0);
  do {
    recovery_rows(rows, ROWS_PER_RECOVERY_COMMIT, &state);
    db_commit(rows, ROWS_PER_RECOVERY_COMMIT);
    count += ROWS_PER_RECOVERY_COMMIT;
  } while (count % CHECK_EVERY || (db_log_bytes() > 0 && db_log_bytes() < LOG_BYTES));
  print_measure("rows", count);
  print_measure("logMiB", db_log_bytes() / 1048576.0);
}

static void run_recover(void) {
  row r;
  uint64_t state = 13;
  int64_t start = now_nanos();
  db_open(option.folder, option.cache, 1);
  db_read_begin();
  recovery_rows(&r, 1, &state);
  expect_row(r.key);
  int64_t opened = now_nanos() - start;
  for (uint64_t i = 1; i < option.rows; i++) {
    recovery_rows(&r, 1, &state);
    if (i % 1000 == 0 || i == option.rows - 1) expect_row(r.key);
  }
  db_read_end();
  db_close();
  print_measure("recoveryMillis", opened / 1e6);
  print_measure("rowsPerSecond", option.rows * 1e9 / opened);
}

// A hundred rounds, each of which overwrites a twentieth of the rows, at random.
static void run_space(void) {
  enum { BATCH = 1000, ROUNDS = 100 };
  row *rows = (row *)malloc(BATCH * sizeof *rows);
  uint64_t state = 17;
  double live = (double)option.keys * (KEY_BYTES + VALUE_BYTES);
  db_open(option.folder, option.cache, 1);
  load_rows(option.keys);
  for (int round = 1; round <= ROUNDS; round++)
    for (uint64_t done = 0; done < option.keys / 20; done += BATCH) {
      for (int i = 0; i < BATCH; i++) {
        stored_key(rows[i].key, next_random(&state) % option.keys, option.keys);
        fill_value(&rows[i], round);
      }
      db_commit(rows, BATCH);
    }
  db_close();
  print_measure("folderOverLive", folder_bytes(option.folder) / live);
  db_open(option.folder, option.cache, 1);
  db_compact();
  print_measure("compactedOverLive", folder_bytes(option.folder) / live);
}

int main(int count, char **words) {
  for (int i = 1; i + 1 < count; i += 2) {
    const char *name = words[i], *value = words[i + 1];
    if (!strcmp(name, "--workload")) option.workload = value;
    else if (!strcmp(name, "--folder")) option.folder = value;
    else if (!strcmp(name, "--keys")) option.keys = strtoull(value, NULL, 10);
    else if (!strcmp(name, "--seconds")) option.seconds = atof(value);
    else if (!strcmp(name, "--cache")) option.cache = strtoull(value, NULL, 10);
    else if (!strcmp(name, "--clients")) option.clients = atoi(value);
    else if (!strcmp(name, "--order")) option.order = value;
    else if (!strcmp(name, "--rows")) option.rows = strtoull(value, NULL, 10);
    else die(name, "unknown option");
  }
  printf("{\"engine\":\"%s\",\"version\":\"%s\",\"sample\":\"%llx\",\"measures\":[", ENGINE,
         engine_version(), (unsigned long long)sample());
  if (!strcmp(option.workload, "commit")) run_commit();
  else if (!strcmp(option.workload, "load")) run_load();
  else if (!strcmp(option.workload, "get")) run_get();
  else if (!strcmp(option.workload, "scan")) run_scan();
  else if (!strcmp(option.workload, "open")) run_open();
  else if (!strcmp(option.workload, "memory")) run_memory();
  else if (!strcmp(option.workload, "fill-log")) run_fill_log();
  else if (!strcmp(option.workload, "recover")) run_recover();
  else if (!strcmp(option.workload, "space")) run_space();
  else die(option.workload, "unknown workload");
  printf("]}\n");
  fflush(stdout);
  // The log is left as a power cut would leave it.
  if (!strcmp(option.workload, "fill-log")) kill(getpid(), SIGKILL);
  return 0;
}

#endif
