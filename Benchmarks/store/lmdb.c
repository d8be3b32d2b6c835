// LMDB as a peer: one unnamed database, every commit synced, no flags. It has no log and no cache of
// its own: pages are mapped, and what the process holds of them is the kernel's.
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>

#define ENGINE "lmdb"
static const char *engine_version(void) {
  static char text[32];
  int major, minor, patch;
  mdb_version(&major, &minor, &patch);
  sprintf(text, "%d.%d.%d", major, minor, patch);
  return text;
}
#include "driver.h"

static MDB_env *environment;
static MDB_dbi rows_dbi;
static MDB_txn *loading, *reading;
static uint64_t loaded;
static char data_path[4096], compact_path[4096];

static void check(int result) {
  if (result != MDB_SUCCESS) die("lmdb", mdb_strerror(result));
}

static void db_open(const char *folder, uint64_t cache_bytes, int checkpoints) {
  (void)cache_bytes;
  (void)checkpoints;
  MDB_txn *transaction;
  mkdir(folder, 0755);
  snprintf(data_path, sizeof data_path, "%s/data.mdb", folder);
  snprintf(compact_path, sizeof compact_path, "%s/compact.mdb", folder);
  check(mdb_env_create(&environment));
  check(mdb_env_set_mapsize(environment, 64ull << 30));
  check(mdb_env_open(environment, folder, 0, 0644));
  check(mdb_txn_begin(environment, NULL, 0, &transaction));
  check(mdb_dbi_open(transaction, NULL, 0, &rows_dbi));
  check(mdb_txn_commit(transaction));
}

static void db_close(void) { mdb_env_close(environment); }
static void db_checkpoint(void) {}

static void put(MDB_txn *transaction, const row *r, unsigned flags) {
  MDB_val key = {KEY_BYTES, (void *)r->key}, value = {VALUE_BYTES, (void *)r->value};
  check(mdb_put(transaction, rows_dbi, &key, &value, flags));
}

static void db_commit(const row *rows, int count) {
  MDB_txn *transaction;
  check(mdb_txn_begin(environment, NULL, 0, &transaction));
  for (int i = 0; i < count; i++) put(transaction, &rows[i], 0);
  check(mdb_txn_commit(transaction));
}

// A transaction holds its dirty pages in memory: one a million rows.
static void db_load_begin(void) {
  loaded = 0;
  check(mdb_txn_begin(environment, NULL, 0, &loading));
}

static void db_load(const row *r) {
  put(loading, r, MDB_APPEND);
  if (++loaded % 1000000) return;
  check(mdb_txn_commit(loading));
  check(mdb_txn_begin(environment, NULL, 0, &loading));
}

static void db_load_end(void) { check(mdb_txn_commit(loading)); }

static void db_read_begin(void) {
  check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &reading));
}

static void db_read_end(void) { mdb_txn_abort(reading); }

static const void *db_get(const uint8_t *key, size_t *bytes) {
  MDB_val found, wanted = {KEY_BYTES, (void *)key};
  int result = mdb_get(reading, rows_dbi, &wanted, &found);
  if (result == MDB_NOTFOUND) return NULL;
  check(result);
  *bytes = found.mv_size;
  return found.mv_data;
}

static uint64_t db_scan(void) {
  MDB_cursor *cursor;
  MDB_val key, value;
  uint64_t count = 0;
  check(mdb_cursor_open(reading, rows_dbi, &cursor));
  while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
    if (!value_fits((const uint8_t *)key.mv_data, value.mv_data, value.mv_size))
      die("scan", "a row is wrong");
    count++;
  }
  mdb_cursor_close(cursor);
  return count;
}

static uint64_t db_log_bytes(void) { return 0; }

// LMDB compacts by copying; the copy takes the place of the data file.
static void db_compact(void) {
  int descriptor = open(compact_path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  if (descriptor < 0) die("lmdb", "cannot make the compact copy");
  check(mdb_env_copyfd2(environment, descriptor, MDB_CP_COMPACT));
  close(descriptor);
  db_close();
  rename(compact_path, data_path);
}
