// SQLite as a peer: WAL, synchronous=FULL, prepared statements, one table clustered by its key. All
// clients share one connection under a mutex: connections of their own would wait for one another
// in SQLite's busy handler and read each other's pages again.
#include <sqlite3.h>

#define ENGINE "sqlite"
static const char *engine_version(void) { return sqlite3_libversion(); }
#include "driver.h"

static sqlite3 *database;
static sqlite3_stmt *insert, *get, *scan, *begin, *commit;
static pthread_mutex_t writer = PTHREAD_MUTEX_INITIALIZER;
static char wal_path[4096];

static void check(int result) {
  if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW)
    die("sqlite", sqlite3_errmsg(database));
}

static void run(const char *sql) { check(sqlite3_exec(database, sql, NULL, NULL, NULL)); }

static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *statement;
  check(sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL));
  return statement;
}

static void step(sqlite3_stmt *statement) {
  check(sqlite3_step(statement));
  check(sqlite3_reset(statement));
}

static void db_open(const char *folder, uint64_t cache_bytes, int checkpoints) {
  char path[4000], pragma[64];
  mkdir(folder, 0755);
  snprintf(path, sizeof path, "%s/data.sqlite", folder);
  snprintf(wal_path, sizeof wal_path, "%s-wal", path);
  check(sqlite3_open_v2(path, &database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
  snprintf(pragma, sizeof pragma, "PRAGMA cache_size=-%llu",
           (unsigned long long)(cache_bytes / 1024));
  run("PRAGMA journal_mode=WAL");
  run("PRAGMA synchronous=FULL");
  run(pragma);
  if (!checkpoints) run("PRAGMA wal_autocheckpoint=0");
  run("CREATE TABLE IF NOT EXISTS rows(k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
  insert = prepare("INSERT OR REPLACE INTO rows VALUES(?1, ?2)");
  get = prepare("SELECT v FROM rows WHERE k = ?1");
  scan = prepare("SELECT k, v FROM rows ORDER BY k");
  begin = prepare("BEGIN IMMEDIATE");
  commit = prepare("COMMIT");
}

static void db_close(void) {
  sqlite3_finalize(insert);
  sqlite3_finalize(get);
  sqlite3_finalize(scan);
  sqlite3_finalize(begin);
  sqlite3_finalize(commit);
  check(sqlite3_close(database));
}

static void db_checkpoint(void) { run("PRAGMA wal_checkpoint(TRUNCATE)"); }

static void put(const row *r) {
  sqlite3_bind_blob(insert, 1, r->key, KEY_BYTES, SQLITE_STATIC);
  sqlite3_bind_blob(insert, 2, r->value, VALUE_BYTES, SQLITE_STATIC);
  step(insert);
}

static void db_commit(const row *rows, int count) {
  pthread_mutex_lock(&writer);
  step(begin);
  for (int i = 0; i < count; i++) put(&rows[i]);
  step(commit);
  pthread_mutex_unlock(&writer);
}

static void db_load_begin(void) { step(begin); }
static void db_load(const row *r) { put(r); }
static void db_load_end(void) { step(commit); }

static void db_read_begin(void) { run("BEGIN"); }
static void db_read_end(void) {
  check(sqlite3_reset(get));
  run("COMMIT");
}

static const void *db_get(const uint8_t *key, size_t *bytes) {
  sqlite3_reset(get);
  sqlite3_bind_blob(get, 1, key, KEY_BYTES, SQLITE_STATIC);
  int result = sqlite3_step(get);
  check(result);
  if (result != SQLITE_ROW) return NULL;
  *bytes = sqlite3_column_bytes(get, 0);
  return sqlite3_column_blob(get, 0);
}

static uint64_t db_scan(void) {
  uint64_t count = 0;
  while (sqlite3_step(scan) == SQLITE_ROW) {
    const uint8_t *key = (const uint8_t *)sqlite3_column_blob(scan, 0);
    if (!value_fits(key, sqlite3_column_blob(scan, 1), sqlite3_column_bytes(scan, 1)))
      die("scan", "a row is wrong");
    count++;
  }
  check(sqlite3_reset(scan));
  return count;
}

static uint64_t db_log_bytes(void) {
  struct stat status;
  return stat(wal_path, &status) ? 0 : status.st_size;
}

static void db_compact(void) {
  run("VACUUM");
  db_close();
}
