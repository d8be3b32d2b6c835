// Transaction: one synchronous unit of reads and writes over the working trees.
//
// Writes go to an overlay; reads look there first. Throwing away the object throws away the
// transaction: the trees have not been touched. Committing is `WorkingTrees.apply(overlay)` together
// with logging `operations`.
//
// Invariants
// 1. `operations` has one operation a row, at the place of its first change, with its last value;
//    a row that is new and deleted again leaves none.
// 2. A before-image is the value before the transaction.
// 3. Row and index entries change together; a write that throws has changed nothing.
// 4. Time and randomness come from outside, and what they give is logged as values: replay needs
//    neither.

import Bytes
import CommitLog

public final class Transaction: RecordWriter {
  /// What all keys, values and events of a transaction may add up to: one value of the largest
  /// size fits. A larger transaction would delay the others of its group.
  public static let bytesMax = KeyLimits.valueBytesMax + (64 << 10)
  /// The table of counters, kept by the store itself.
  public static let ordinalsTable = TableDescriptor(number: 0xFFFF, name: "ordinals")

  private struct Pending {
    /// Nil: the row was new and is gone again.
    var operation: Operation?
    /// Whether the row was there before the transaction; nil when nobody had to know yet.
    var existed: Bool?
    var bytes: Int
  }

  /// The moment of the transaction, the same all through it.
  public let time: Timestamp
  // Not checked for overlapping accesses while the process runs, which took a twentieth of a commit:
  // one thread uses a transaction, and no closure of a caller runs during a change of these.
  @exclusivity(unchecked) public private(set) var overlay = TransactionOverlay()
  private let trees: WorkingTrees
  private let random: () -> UInt64
  @exclusivity(unchecked) private var pending: [Pending] = []
  @exclusivity(unchecked) private var bytes = 0
  @exclusivity(unchecked) private var lastID: UUIDv7?
  /// `operations`, once it was asked for and until the next change.
  @exclusivity(unchecked) private var listed: [Operation]?

  /// `random` gives 64 random bits a call; seeded in tests.
  public init(trees: WorkingTrees, time: Timestamp, random: @escaping () -> UInt64) {
    self.trees = trees
    self.time = time
    self.random = random
  }

  /// What to log, in order of execution.
  public var operations: [Operation] {
    if let listed { return listed }
    var operations: [Operation] = []
    operations.reserveCapacity(pending.count)
    for change in pending {
      if let operation = change.operation { operations.append(operation) }
    }
    listed = operations
    return operations
  }

  // MARK: Reading

  public func withValue<Result>(
    tree: UInt32, key: [UInt8], _ body: (RawSpan) throws(StoreError) -> Result
  ) throws(StoreError) -> Result? {
    guard let entry = overlay.entry(tree, key) else {
      return try trees.reader(tree).withValue(key, body)
    }
    guard let value = entry.value else { return nil }
    return try body(value.span.bytes)
  }

  /// Sees the transaction as it was when the scan began.
  public func scan(
    tree: UInt32, _ range: KeyRange, reverse: Bool,
    _ body: (_ key: RawSpan, _ value: RawSpan) throws(StoreError) -> ScanStep
  ) throws(StoreError) {
    let reader = trees.reader(tree)
    if overlay.chunks.isEmpty { return try reader.scan(range, reverse: reverse, body) }
    var merge = OverlayMerge(overlay, tree, range, reverse: reverse)
    try reader.scan(range, reverse: reverse) { (key, value) throws(StoreError) in
      try merge.visit(key, value, body)
    }
    try merge.finish(body)
  }

  private func value(_ tree: UInt32, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
    if let entry = overlay.entry(tree, key) { return entry.value }
    return try trees.reader(tree).value(key)
  }

  // MARK: Writing

  /// Errors: `.keyTooLong`, `.valueTooLong`, `.uniqueViolation`, `.transactionTooLarge`, `.record`
  /// when an index cannot read the value.
  public func put(
    _ table: TableDescriptor, key: [UInt8], value: [UInt8]
  ) throws(StoreError) {
    try put(table, key, value, nil, mustBeNew: false)
  }

  public func put(
    _ table: TableDescriptor, key: [UInt8], value: [UInt8], entries: IndexEntries
  ) throws(StoreError) {
    try put(table, key, value, entries, mustBeNew: false)
  }

  public func insert(
    _ table: TableDescriptor, key: [UInt8], value: [UInt8], entries: IndexEntries
  ) throws(StoreError) {
    try put(table, key, value, entries, mustBeNew: true)
  }

  private func put(
    _ table: TableDescriptor, _ key: [UInt8], _ value: [UInt8], _ entries: IndexEntries?,
    mustBeNew: Bool
  ) throws(StoreError) {
    guard key.count <= KeyLimits.keyBytesMax else {
      throw StoreError.keyTooLong(bytes: key.count)
    }
    guard value.count <= KeyLimits.valueBytesMax else {
      throw StoreError.valueTooLong(bytes: value.count)
    }
    let written = overlay.entry(table.tree, key)
    let place = written?.operation
    let isRead = mustBeNew || !table.indexes.isEmpty || (table.logsBeforeImages && place == nil)
    var before = written?.value
    if isRead, written == nil { before = try trees.reader(table.tree).value(key) }
    if mustBeNew, before != nil { throw StoreError.uniqueViolation(index: "primary") }
    let changes = try IndexChanges(
      in: table, key: key, before: before, after: value, entries: entries)
    for entry in changes.coming where table.indexes[entry.place].isUnique {
      let holder = try self.value(table.tree(at: entry.place), entry.key)
      if let holder, holder != key {
        throw StoreError.uniqueViolation(index: table.indexes[entry.place].name)
      }
    }
    let size = key.count + value.count
    try charge(size, insteadOf: place.map { pending[$0].bytes } ?? 0)
    overlay.set(changes, of: table, key)
    let existed = place.map { pending[$0].existed } ?? (isRead ? before != nil : nil)
    let image = place == nil ? (table.logsBeforeImages ? before : nil) : beforeImage(place)
    record(
      .put(table: table.number, key: key, value: value, before: image), existed, size,
      TransactionOverlay.Entry(
        tree: table.tree, key: key, value: value, operation: place))
  }

  /// Errors: `.transactionTooLarge`, `.record` when an index cannot read the stored value.
  @discardableResult
  public func delete(_ table: TableDescriptor, key: [UInt8]) throws(StoreError) -> Bool {
    guard let before = try value(table.tree, key) else { return false }
    let place = overlay.entry(table.tree, key)?.operation
    let changes = try IndexChanges(in: table, key: key, before: before, after: nil)
    let existed: Bool
    if let place {
      if let known = pending[place].existed {
        existed = known
      } else {
        existed = try trees.reader(table.tree).contains(key)
      }
    } else {
      existed = true
    }
    try charge(existed ? key.count : 0, insteadOf: place.map { pending[$0].bytes } ?? 0)
    overlay.set(changes, of: table, key)
    if let place, !existed {
      listed = nil
      pending[place] = Pending(operation: nil, existed: false, bytes: 0)
      overlay.remove(table.tree, key)
      return true
    }
    let image = place == nil ? (table.logsBeforeImages ? before : nil) : beforeImage(place)
    record(
      .delete(table: table.number, key: key, before: image), true, key.count,
      TransactionOverlay.Entry(
        tree: table.tree, key: key, value: nil, operation: place))
    return true
  }

  /// Appends to a stream of the time-series engine.
  public func appendEvent(stream: UInt32, payload: [UInt8]) throws(StoreError) {
    try charge(payload.count, insteadOf: 0)
    listed = nil
    pending.append(
      Pending(
        operation: .event(stream: stream, payload: payload), existed: nil, bytes: payload.count))
  }

  /// A new identifier, above all others of this transaction (RFC 9562, section 6.2, method 2).
  public func newID() -> UUIDv7 {
    var id = UUIDv7(time: time, random: (random(), random()))
    if let lastID, id <= lastID {
      let variant: UInt64 = 0x8000_0000_0000_0000
      let low = (lastID.low & ~variant) + (random() & 0xffff_ffff) + 1
      // Beyond 62 bits the next millisecond begins, which keeps the order.
      id =
        low < 0x4000_0000_0000_0000
        ? UUIDv7(high: lastID.high, low: variant | low)
        : UUIDv7(high: ((lastID.high >> 16) &+ 1) << 16 | 0x7000, low: variant)
    }
    lastID = id
    return id
  }

  /// The next number of a space, dense from 0. Not reused, not even by `delete`.
  public func nextOrdinal(space: UInt32) throws(StoreError) -> UInt32 {
    let key = Bytes.key(space)
    let stored = try value(Self.ordinalsTable.tree, key)
    var next: UInt32 = 0
    if let stored {
      do throws(DecodeError) {
        var reader = ByteReader(stored.span.bytes)
        next = try reader.u32("ordinal")
        try reader.finish("ordinal")
      } catch {
        throw StoreError.record(table: Self.ordinalsTable.name, error)
      }
    }
    guard next < UInt32.max else { throw StoreError.readOnly("ordinals of space \(space) used up") }
    var writer = ByteWriter()
    writer.u32(next + 1)
    try put(Self.ordinalsTable, key: key, value: writer.bytes)
    return next
  }

  private func beforeImage(_ place: Int?) -> [UInt8]? {
    guard let place else { return nil }
    switch pending[place].operation {
    case .put(_, _, _, let before), .delete(_, _, let before): return before
    case .event, nil: return nil
    }
  }

  private func charge(_ size: Int, insteadOf old: Int) throws(StoreError) {
    let total = bytes - old + size
    guard total <= Self.bytesMax else {
      throw StoreError.transactionTooLarge(bytes: total, limit: Self.bytesMax)
    }
    bytes = total
  }

  private func record(
    _ operation: Operation, _ existed: Bool?, _ size: Int, _ entry: TransactionOverlay.Entry
  ) {
    listed = nil
    var entry = entry
    let change = Pending(operation: operation, existed: existed, bytes: size)
    if let place = entry.operation {
      pending[place] = change
    } else {
      entry.operation = pending.count
      pending.append(change)
    }
    overlay.set(entry)
  }
}
