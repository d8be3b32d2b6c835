// ProductUpload: POST /products/bulk-upload, a seller's file of products, all or nothing.

import Bytes
import RecordStore

public struct UploadIssue: Fields, Equatable {
  /// From 1, as an editor counts.
  public var line: Int64 = 0
  public var field = ""
  public var message = ""
  public init() {}
  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "line", &line)
    try visitor.field(2, "field", &field)
    try visitor.field(3, "message", &message)
  }

  init(_ found: ImportIssue) {
    line = Int64(found.line)
    field = found.field
    message = found.message
  }

  /// VAL_3001 with the issues, a thousand at most, in `details.rows`.
  static func refusal(of issues: [UploadIssue]) -> MarketError {
    let rows = issues.prefix(1000).map { issue in
      JSONValue.object([
        .init("line", .int(issue.line)), .init("field", .string(issue.field)),
        .init("message", .string(issue.message)),
      ])
    }
    return MarketError(
      .validation, "Nothing was written: \(issues.count) mistakes in the file.",
      details: .object([.init("rows", .array(rows))]))
  }
}

/// What an upload did, or would do.
public struct UploadReport: Fields, Equatable {
  public var dryRun = false
  public var rows: Int64 = 0
  public var created: Int64 = 0
  public var updated: Int64 = 0
  public var unchanged: Int64 = 0
  /// Of a dry run; an upload with any is refused.
  public var issues: [UploadIssue] = []
  public init() {}

  public init(_ done: ImportReport) {
    rows = done.rows
    created = done.created
    updated = done.updated
    unchanged = done.unchanged
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "dryRun", &dryRun)
    try visitor.field(2, "rows", &rows)
    try visitor.field(3, "created", &created)
    try visitor.field(4, "updated", &updated)
    try visitor.field(5, "unchanged", &unchanged)
    try visitor.field(6, "issues", &issues)
  }
}

public struct ProductUpload: Sendable {
  public static let rowsMax = 5000
  /// One transaction holds the whole file.
  public static let bytesMax = 4 << 20

  private let job: ImportJob
  public let issues: [UploadIssue]

  /// Reads and checks the whole file: NDJSON, or CSV with a header line.
  public init(file: [UInt8], sellerID: UUIDv7, stock: Int64?) {
    var options = ImportOptions()
    options.sellerID = sellerID
    options.stock = stock
    job = ImportJob(.products, file: file, options: options)
    var issues = job.issues.map(UploadIssue.init)
    if job.rowCount > Self.rowsMax || job.rowCount == 0 && issues.isEmpty {
      var issue = UploadIssue()
      issue.line = 1
      issue.message = "A file has 1 to \(Self.rowsMax) products; this one has \(job.rowCount)."
      issues.append(issue)
    }
    self.issues = issues
  }

  public var refusal: MarketError { UploadIssue.refusal(of: issues) }

  /// Only without issues. Errors: a row that belongs to another seller, or is active without an
  /// image or a place.
  public func write(_ transaction: Transaction) throws -> UploadReport {
    UploadReport(try job.write(transaction))
  }
}

/// Thrown at the end of a transaction that shall leave nothing: what it would have done.
public struct DryRun<Report: Sendable>: Error {
  public let report: Report
  public init(_ report: Report) { self.report = report }
}
