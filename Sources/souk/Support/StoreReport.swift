// StoreReport: what `souk store` prints, as records, so that text and JSON say the same.

import Bytes
import CommitLog
import Database
import RecordStore

/// The answer of `souk store info`.
struct StoreReport: Fields {
  var data = ""
  var databaseID = UUIDv7.zero
  var commit: UInt64 = 0
  var lastCommitTime = Timestamp.zero
  var newestCheckpoint: UInt64 = 0
  var olderCheckpoint: UInt64 = 0
  var replayedCommits: Int64 = 0
  var pageBytes: Int64 = 0
  var pages: UInt64 = 0
  var freePages: UInt64 = 0
  var retiredPages: UInt64 = 0
  var tables: [TableReport] = []
  var views: [ViewReport] = []

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "databaseId", &databaseID)
    try visitor.field(3, "commit", &commit)
    try visitor.field(4, "lastCommitTime", &lastCommitTime)
    try visitor.field(5, "newestCheckpoint", &newestCheckpoint)
    try visitor.field(6, "olderCheckpoint", &olderCheckpoint)
    try visitor.field(7, "replayedCommits", &replayedCommits)
    try visitor.field(8, "pageBytes", &pageBytes)
    try visitor.field(9, "pages", &pages)
    try visitor.field(10, "freePages", &freePages)
    try visitor.field(11, "retiredPages", &retiredPages)
    try visitor.field(12, "tables", &tables)
    try visitor.field(13, "views", &views)
  }

  struct TableReport: Fields {
    var name = ""
    var rows: UInt64 = 0

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "rows", &rows)
    }
  }

  struct ViewReport: Fields {
    var name = ""
    var digest = ""

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "digest", &digest)
    }
  }
}

extension StoreReport {
  init(of database: Database) {
    self.init()
    let snapshot = database.snapshot()
    let info = database.storeInfo
    data = database.path
    databaseID = database.databaseID
    commit = snapshot.lsn.rawValue
    lastCommitTime = database.opening.lastCommitTime
    newestCheckpoint = info.newestCheckpointLSN.rawValue
    olderCheckpoint = info.olderCheckpointLSN.rawValue
    replayedCommits = Int64(database.opening.replayedCommits)
    pageBytes = Int64(info.pageSize)
    pages = info.pageCount
    freePages = info.freePages
    retiredPages = info.retiredPages
    for (name, rows) in database.tableCounts(in: snapshot) {
      var table = TableReport()
      table.name = name
      table.rows = rows
      tables.append(table)
    }
    for (name, digest) in database.viewStates(in: snapshot) {
      var view = ViewReport()
      view.name = name
      view.digest = digest.description
      views.append(view)
    }
  }

  /// For people.
  var lines: [String] {
    var lines = [
      "data           \(data)",
      "database       \(databaseID)",
      "commit         \(commit)" + (commit > 0 ? ", \(lastCommitTime)" : ""),
      "checkpoints    \(newestCheckpoint) and \(olderCheckpoint)",
      "replayed       \(replayedCommits) commits of the log after the checkpoint",
      "store          \(Terminal.size(pages * UInt64(pageBytes))): \(pages) pages of "
        + "\(pageBytes) bytes, \(freePages) free, \(retiredPages) retired",
    ]
    let width = (tables.map(\.name.count).max() ?? 0) + 2
    for table in tables {
      let padding = String(repeating: " ", count: width - table.name.count)
      lines.append(
        "table          \(table.name)\(padding)\(Terminal.grouped(Int(table.rows))) rows")
    }
    for view in views { lines.append("view           \(view.name), digest \(view.digest)") }
    return lines
  }
}

/// The answer of `souk store check`.
struct StoreCheckReport: Fields {
  var commit: UInt64 = 0
  var isSound = false
  var findings: [String] = []
  var trees: Int64 = 0
  var entries: UInt64 = 0
  var reachedPages: UInt64 = 0
  var retiredPages: UInt64 = 0
  var freePages: UInt64 = 0

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "sound", &isSound)
    try visitor.field(3, "findings", &findings)
    try visitor.field(4, "trees", &trees)
    try visitor.field(5, "entries", &entries)
    try visitor.field(6, "reachedPages", &reachedPages)
    try visitor.field(7, "retiredPages", &retiredPages)
    try visitor.field(8, "freePages", &freePages)
  }
}

/// `text` as a JSON string.
func quoted(_ text: String) -> String {
  var writer = JSONWriter()
  writer.string(text)
  return String(decoding: writer.bytes, as: UTF8.self)
}
