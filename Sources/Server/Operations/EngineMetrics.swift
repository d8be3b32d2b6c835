// EngineMetrics: what the log, the store, the writer's queue and the process have to tell, as Prometheus
// text. A name ends in its unit; a counter ends in `_total`.

import Bytes
import Database
import RecordStore

/// Lines of the Prometheus text format.
enum MetricText {
  static func append(
    _ name: String, _ kind: String, _ help: String, _ value: String, to text: inout String
  ) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n\(name) \(value)\n"
  }

  static func gauge(_ name: String, _ help: String, _ value: UInt64, to text: inout String) {
    append(name, "gauge", help, String(value), to: &text)
  }

  static func counter(_ name: String, _ help: String, _ value: UInt64, to text: inout String) {
    append(name, "counter", help, String(value), to: &text)
  }
}

enum EngineMetrics {
  static func append(of database: Database, to text: inout String) {
    log(database, &text)
    store(database.storeInfo, &text)
    MetricText.gauge(
      "souk_write_queue_length", "Writes that wait for the writer.", UInt64(database.queuedWrites),
      to: &text)
    MetricText.gauge(
      "souk_writes_refused", "1 while writes are refused, such as on a full volume.",
      database.notReadyReason == nil ? 0 : 1, to: &text)
    process(&text)
  }

  private static func log(_ database: Database, _ text: inout String) {
    let extent = database.logExtent
    MetricText.gauge(
      "souk_commit_lsn", "The last commit that readers see.", database.visibleLSN.rawValue,
      to: &text)
    MetricText.gauge(
      "souk_log_durable_lsn", "The last commit that survives a crash.",
      extent.durableLSN.rawValue, to: &text)
    MetricText.gauge(
      "souk_log_oldest_lsn", "The oldest commit that the log still holds.",
      extent.oldestLSN.rawValue, to: &text)
    MetricText.gauge(
      "souk_log_retained_bytes", "Bytes that the log keeps for its readers.",
      extent.retainedBytes, to: &text)
  }

  private static func store(_ info: StoreInfo, _ text: inout String) {
    let gauges: [(name: String, help: String, value: UInt64)] = [
      (
        "souk_checkpoint_lsn", "The commit of the newest checkpoint.",
        info.newestCheckpointLSN.rawValue
      ),
      ("souk_store_page_bytes", "Size of a page.", UInt64(info.pageSize)),
      ("souk_store_pages", "Pages of the store's file.", info.pageCount),
      ("souk_store_free_pages", "Pages free for use.", info.freePages),
      ("souk_store_retired_pages", "Pages that only older states need.", info.retiredPages),
      ("souk_store_dirty_pages", "Pages not written yet.", UInt64(info.dirtyPages)),
      ("souk_store_snapshots", "Snapshots that are open.", UInt64(info.snapshots.count)),
      ("souk_cache_frames", "Pages in memory.", UInt64(info.cache.frames)),
      (
        "souk_cache_frames_beyond_budget", "Pages in memory that the budget has no room for.",
        UInt64(info.cache.framesBeyondBudget)
      ),
    ]
    for gauge in gauges { MetricText.gauge(gauge.name, gauge.help, gauge.value, to: &text) }
    MetricText.counter(
      "souk_cache_misses_total", "Pages read from the disk.", info.cache.misses, to: &text)
    MetricText.counter(
      "souk_cache_evictions_total", "Pages that made room.", info.cache.evictions, to: &text)
  }

  private static func process(_ text: inout String) {
    MetricText.append(
      "process_cpu_seconds_total", "counter", "Processor time of this process.",
      "\(ProcessFigures.processorMicros / 1e6)", to: &text)
    MetricText.gauge(
      "process_resident_memory_bytes", "The memory that this process has now.",
      ProcessFigures.residentBytes, to: &text)
    MetricText.gauge(
      "souk_process_peak_resident_bytes", "The most memory that this process has had.",
      ProcessFigures.peakBytes, to: &text)
  }
}

extension PasswordPool {
  func appendMetrics(to text: inout String) {
    MetricText.gauge(
      "souk_password_queue_length", "Passwords that are hashed or wait for it.",
      UInt64(clamping: queuedCount), to: &text)
  }
}
