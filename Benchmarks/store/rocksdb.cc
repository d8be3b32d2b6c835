// RocksDB as a peer, through its C++ interface: every commit one WriteBatch with a synced WAL, a block
// cache of the given size, bloom filters of 10 bits, no compression (the values do not compress).
// Bulk loads build a table file and ingest it, which is RocksDB's own way.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>

#include <memory>
#include <string>

#define ENGINE "rocksdb"
#define WORD(x) #x
#define DOTTED(a, b, c) WORD(a) "." WORD(b) "." WORD(c)
static const char *engine_version(void) {
  return DOTTED(ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH);
}
#include "driver.h"

static rocksdb::DB *database;
static rocksdb::Options options;
static std::unique_ptr<rocksdb::SstFileWriter> table;
static std::string table_path;
static rocksdb::ReadOptions reading;
static rocksdb::PinnableSlice found;
static std::string database_path;

static void check(const rocksdb::Status &status) {
  if (!status.ok()) die("rocksdb", status.ToString().c_str());
}

static rocksdb::Slice key_slice(const uint8_t *key) {
  return rocksdb::Slice(reinterpret_cast<const char *>(key), KEY_BYTES);
}

static rocksdb::Slice value_slice(const row *r) {
  return rocksdb::Slice(reinterpret_cast<const char *>(r->value), VALUE_BYTES);
}

static void db_open(const char *folder, uint64_t cache_bytes, int checkpoints) {
  options = rocksdb::Options();
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  options.IncreaseParallelism(2);
  if (!checkpoints) options.write_buffer_size = 2ull << 30;
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = rocksdb::NewLRUCache(cache_bytes);
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  database_path = folder;
  table_path = std::string(folder) + ".load.sst";
  check(rocksdb::DB::Open(options, folder, &database));
}

static void db_close(void) {
  check(database->Flush(rocksdb::FlushOptions()));
  check(database->Close());
  delete database;
}

static void db_checkpoint(void) { check(database->Flush(rocksdb::FlushOptions())); }

static void db_commit(const row *rows, int count) {
  rocksdb::WriteBatch batch;
  rocksdb::WriteOptions synced;
  synced.sync = true;
  for (int i = 0; i < count; i++) check(batch.Put(key_slice(rows[i].key), value_slice(&rows[i])));
  check(database->Write(synced, &batch));
}

static void db_load_begin(void) {
  table.reset(new rocksdb::SstFileWriter(rocksdb::EnvOptions(), options));
  check(table->Open(table_path));
}

static void db_load(const row *r) { check(table->Put(key_slice(r->key), value_slice(r))); }

static void db_load_end(void) {
  check(table->Finish());
  rocksdb::IngestExternalFileOptions ingestion;
  ingestion.move_files = true;
  check(database->IngestExternalFile({table_path}, ingestion));
  unlink(table_path.c_str());
}

static void db_read_begin(void) { reading.snapshot = database->GetSnapshot(); }
static void db_read_end(void) {
  found.Reset();
  database->ReleaseSnapshot(reading.snapshot);
  reading.snapshot = nullptr;
}

static const void *db_get(const uint8_t *key, size_t *bytes) {
  found.Reset();
  rocksdb::Status status =
      database->Get(reading, database->DefaultColumnFamily(), key_slice(key), &found);
  if (status.IsNotFound()) return nullptr;
  check(status);
  *bytes = found.size();
  return found.data();
}

static uint64_t db_scan(void) {
  std::unique_ptr<rocksdb::Iterator> rows(database->NewIterator(reading));
  uint64_t count = 0;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    if (!value_fits(reinterpret_cast<const uint8_t *>(rows->key().data()), rows->value().data(),
                    rows->value().size()))
      die("scan", "a row is wrong");
    count++;
  }
  check(rows->status());
  return count;
}

static uint64_t db_log_bytes(void) {
  rocksdb::VectorLogPtr files;
  uint64_t total = 0;
  check(database->GetSortedWalFiles(files));
  for (auto &file : files) total += file->SizeFileBytes();
  return total;
}

static void db_compact(void) {
  check(database->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
  db_close();
}
