// Change: what a view sees of one operation, the same whether it comes from the log or a rebuild.

import CommitLog

/// One row's step from `before` to `after`. A row that a rebuild delivers has no `before`.
public struct Change: Equatable, Sendable {
  public var table: UInt32
  public var key: [UInt8]
  /// The row's value until now; nil for a new row, and for a table declared without before-images.
  public var before: [UInt8]?
  /// The row's value from now on; nil when the row is deleted.
  public var after: [UInt8]?

  public init(table: UInt32, key: [UInt8], before: [UInt8]? = nil, after: [UInt8]? = nil) {
    self.table = table
    self.key = key
    self.before = before
    self.after = after
  }

  /// The change that `operation` makes to a row; nil for an event, which belongs to no row.
  public init?(_ operation: Operation) {
    switch operation {
    case .put(let table, let key, let value, let before):
      self.init(table: table, key: key, before: before, after: value)
    case .delete(let table, let key, let before):
      self.init(table: table, key: key, before: before, after: nil)
    case .event:
      return nil
    }
  }
}
