// Looking into a database that is open: its trees, its raw entries, its readers and its free space,
// each on one snapshot. A stopped folder is opened over an `OverlayDisk` for it.

import Bytes
import CommitLog
import Disk
import RecordStore

/// The trees of one snapshot in numbers.
public struct StoreStatistics: Sendable {
  public struct Tree: Sendable {
    public var number: UInt32
    /// `notes`, `notes.byOwner`; `tree 4711` when nothing declares it.
    public var name: String
    public var shape: TreeShape
  }

  public var lsn: LSN
  public var pageSize: Int
  /// By number.
  public var trees: [Tree]
}

/// Who reads the store.
public struct ReadersReport: Sendable {
  public struct Reader: Sendable {
    public var id: UInt64
    public var purpose: String
    public var lsn: LSN
    /// Microseconds since a later state was published; 0 while it reads the newest.
    public var ageMicros: Int64
    /// Bytes of the file that cannot be used again because of its LSN and no earlier one.
    public var heldBytes: UInt64
    public var isExpired: Bool
  }

  public var lsn: LSN
  /// By id. The database itself always holds the published state.
  public var readers: [Reader]
  /// Who keeps the log, and how much of it.
  public var logConsumers: [LogRetention.Consumer]
}

/// An entry of a tree as it is stored.
public struct RawEntry: Equatable, Sendable {
  public var key: [UInt8]
  public var value: [UInt8]

  /// The key as the tuple that it looks like, `("orders", 42)`; nil when it looks like none. Keys do
  /// not say their types, so that this is a guess for people to read.
  public var keyText: String? { KeyText.describe(key) }
  public var keyHex: String { KeyText.hex(key) }
}

/// A stretch of a tree.
public struct RawScan: Sendable {
  public var lsn: LSN
  public var tree: UInt32
  public var entries: [RawEntry]
  /// The limit ended it, not the range.
  public var hasMore: Bool
}

extension Database {
  /// Every tree of the newest snapshot, or only `tree`. Reads all its pages.
  public func stats(tree: UInt32? = nil) throws(DatabaseError) -> StoreStatistics {
    let snapshot = snapshot()
    let numbers = tree.map { [$0] } ?? snapshot.records.trees
    do throws(StoreError) {
      var trees: [StoreStatistics.Tree] = []
      for number in numbers {
        trees.append(
          StoreStatistics.Tree(
            number: number, name: treeName(number),
            shape: try snapshot.records.shape(tree: number)))
      }
      return StoreStatistics(lsn: snapshot.lsn, pageSize: store.pageSize, trees: trees)
    } catch {
      throw .store(error)
    }
  }

  /// The live snapshots, oldest first.
  public func readers() -> ReadersReport {
    let now = configuration.now()
    let pageSize = UInt64(store.pageSize)
    return ReadersReport(
      lsn: visibleLSN,
      readers: store.info().snapshots.map { snapshot in
        ReadersReport.Reader(
          id: snapshot.id, purpose: snapshot.purpose, lsn: snapshot.lsn,
          ageMicros: snapshot.supersededAt.map {
            max(0, now.microseconds.subtractingReportingOverflow($0.microseconds).partialValue)
          } ?? 0,
          heldBytes: snapshot.heldPages * pageSize, isExpired: snapshot.isExpired)
      }, logConsumers: retention.report())
  }

  /// Free and retired pages, and what the retired ones wait for.
  public func freeSpace() throws(DatabaseError) -> FreeSpaceReport {
    try onWriter { [self] () throws(StoreError) in store.freeSpace() }
  }

  /// What a person calls a tree: `notes`, `notes.byOwner`, or its number. Nil when there is none.
  public func treeNumber(_ text: String) -> UInt32? {
    if let number = UInt32(text) { return number }
    return store.treeNames.first { $0.value == text }?.key
  }

  public func treeName(_ tree: UInt32) -> String { store.treeNames[tree] ?? "tree \(tree)" }

  public func get(tree: UInt32, key: [UInt8]) throws(DatabaseError) -> RawEntry? {
    do throws(StoreError) {
      return try snapshot().records.withValue(tree: tree, key: key) { value in
        RawEntry(key: key, value: [UInt8](copying: value))
      }
    } catch {
      throw .store(error)
    }
  }

  /// At most `limit` entries of a range, in key order or in reverse.
  public func scan(
    tree: UInt32, range: KeyRange = KeyRange(), limit: Int, reverse: Bool = false
  ) throws(DatabaseError) -> RawScan {
    let snapshot = snapshot()
    var scan = RawScan(lsn: snapshot.lsn, tree: tree, entries: [], hasMore: false)
    do throws(StoreError) {
      try snapshot.records.scan(tree: tree, range, reverse: reverse) { key, value in
        guard scan.entries.count < limit else {
          scan.hasMore = true
          return .stop
        }
        scan.entries.append(
          RawEntry(key: [UInt8](copying: key), value: [UInt8](copying: value)))
        return .next
      }
    } catch {
      throw .store(error)
    }
    return scan
  }

  /// Runs `body` on the writer's thread, between two groups, and gives what it gives.
  func onWriter<Value: Sendable>(
    _ body: @escaping @Sendable () throws(StoreError) -> Value
  ) throws(DatabaseError) -> Value {
    let result = Monitor<Result<Value, StoreError>?>(nil)
    runOnWriter {
      result.withLock { state in
        do throws(StoreError) { state = .success(try body()) } catch { state = .failure(error) }
      }
    }
    guard let found = result.withLock({ $0 }) else { throw .closed }
    do throws(StoreError) { return try found.get() } catch { throw .store(error) }
  }
}

/// Keys for people.
enum KeyText {
  static func hex(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes {
      if byte < 16 { text += "0" }
      text += String(byte, radix: 16)
    }
    return text
  }

  /// Takes component after component: text (ended by two zeros), UUIDs of version 7, eight bytes as a
  /// number, four bytes as a number. Nil when something else is left.
  static func describe(_ bytes: [UInt8]) -> String? {
    var parts: [String] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      if let (text, count) = text(rest) {
        parts.append("\"\(text)\"")
        rest = rest.dropFirst(count)
      } else if rest.count >= 16, let id = identifier(Array(rest.prefix(16))) {
        parts.append(id.description)
        rest = rest.dropFirst(16)
      } else if rest.count >= 8 {
        parts.append(number(rest.prefix(8)))
        rest = rest.dropFirst(8)
      } else if rest.count == 4 {
        parts.append(number(rest))
        rest = []
      } else {
        return nil
      }
    }
    return "(" + parts.joined(separator: ", ") + ")"
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> (text: String, count: Int)? {
    let content = bytes.prefix { $0 >= 0x20 && $0 != 0x7f }
    guard !content.isEmpty, bytes.dropFirst(content.count).prefix(2).elementsEqual([0, 0]),
      let text = String(validating: content, as: UTF8.self)
    else { return nil }
    return (text, content.count + 2)
  }

  private static func identifier(_ bytes: [UInt8]) -> UUIDv7? {
    var reader = ByteReader(bytes.span.bytes)
    guard let high = try? reader.u64(), let low = try? reader.u64() else { return nil }
    let id = UUIDv7(high: high.byteSwapped, low: low.byteSwapped)
    return id.high >> 12 & 0xf == 7 && id.low >> 62 == 2 ? id : nil
  }

  /// Signed numbers are stored with their sign turned round, so a high first bit is one of those.
  private static func number(_ bytes: ArraySlice<UInt8>) -> String {
    let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let half = UInt64(1) << UInt64(bytes.count * 8 - 1)
    return value >= half ? String(value - half) : String(value)
  }
}
