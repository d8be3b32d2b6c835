// The question of `souk search`: the shop's own search, asked from the shell.

import Bytes
import Database
import Marketplace

public struct SearchQuestion: StoreQuestion {
  public static let verb = "search"
  public static let needsViews = true
  public var text = ""
  public var latitude: Double?
  public var longitude: Double?
  public var limit: Int64 = 10
  /// Whether each hit's score is taken apart.
  public var explains = false
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "text", &text)
    try visitor.field(2, "latitude", &latitude)
    try visitor.field(3, "longitude", &longitude)
    try visitor.field(4, "limit", &limit)
    try visitor.field(5, "explains", &explains)
  }

  public func answer(from database: Database, progress: (String) -> Void) throws -> SearchReport {
    var query = SearchQuery()
    query.text = text
    query.latitude = latitude
    query.longitude = longitude
    query.limit = Int(limit)
    let snapshot = database.snapshot()
    var report = SearchReport()
    report.commit = snapshot.lsn.rawValue
    do {
      // No cursor leaves this process, so no key has to be kept.
      let cursors = PageCursors(key: [UInt8](repeating: 0, count: 32))
      let page = try query.answer(snapshot, cursors)
      report.total = page.total
      report.hits = page.data
      if explains { report.explanations = try query.explanations(of: page, snapshot) }
    } catch let refusal as MarketError {
      throw StoreFailure(refusal.message, exitCode: StoreFailure.usage)
    }
    return report
  }
}

public struct SearchReport: Fields {
  public var commit: UInt64 = 0
  public var total: Int64 = 0
  public var hits: [SearchHit] = []
  /// For each hit, when it was asked for, how its score comes about, parts below what they make.
  public var explanations: [String] = []
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "total", &total)
    try visitor.field(3, "hits", &hits)
    try visitor.field(4, "explanations", &explanations)
  }
}
