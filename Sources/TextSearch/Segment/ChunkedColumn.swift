// ChunkedColumn: one value for each ordinal, cheap to freeze.
//
// Invariants
// 1. An ordinal that nobody wrote reads as `initial`; a chunk that nobody wrote takes no memory.
// 2. Copies share chunks; a write copies at most its chunk of 1,024 and the list of chunks.
// 3. A chunk is written only while one column holds it.

import Kernels

package struct ChunkedColumn<Value: BitwiseCopyable & Equatable & Sendable>: Sendable {
  static var chunkBits: UInt32 { UInt32(KERNELS_CHUNK_BITS) }
  static var chunkCount: Int { 1 << Int(chunkBits) }

  /// Unsafe so that a search reads a cell without a reference count; `values` has `chunkCount` values
  /// for as long as the object lives. Sendable by invariant 3.
  final class Chunk: @unchecked Sendable {
    let values: UnsafeMutablePointer<Value>

    init(filledWith value: Value) {
      values = .allocate(capacity: chunkCount)
      values.initialize(repeating: value, count: chunkCount)
    }

    init(copying other: Chunk) {
      values = .allocate(capacity: chunkCount)
      values.initialize(from: other.values, count: chunkCount)
    }

    deinit { values.deallocate() }
  }

  package let initial: Value
  fileprivate var chunks: [Chunk?] = []

  package init(initial: Value) { self.initial = initial }

  package subscript(ordinal: UInt32) -> Value {
    get {
      let index = Int(ordinal >> Self.chunkBits)
      guard index < chunks.count, let chunk = chunks[index] else { return initial }
      return chunk.values[Int(ordinal) & (Self.chunkCount - 1)]
    }
    set {
      let index = Int(ordinal >> Self.chunkBits)
      if index >= chunks.count {
        guard newValue != initial else { return }
        chunks.append(contentsOf: repeatElement(nil, count: index + 1 - chunks.count))
      }
      if chunks[index] == nil {
        guard newValue != initial else { return }
        chunks[index] = Chunk(filledWith: initial)
      } else if !isKnownUniquelyReferenced(&chunks[index]) {
        chunks[index] = chunks[index].map { Chunk(copying: $0) }
      }
      chunks[index]?.values[Int(ordinal) & (Self.chunkCount - 1)] = newValue
    }
  }

  /// Calls `body` with each value that is not `initial`, ordinals ascending.
  package func visit(_ body: (UInt32, Value) -> Void) {
    for (index, chunk) in chunks.enumerated() {
      guard let chunk else { continue }
      for cell in 0..<Self.chunkCount where chunk.values[cell] != initial {
        body(UInt32(index << Int(Self.chunkBits) | cell), chunk.values[cell])
      }
    }
  }

  package var bytes: Int {
    chunks.reduce(0) { $0 + 8 + ($1 == nil ? 0 : Self.chunkCount * MemoryLayout<Value>.size) }
  }
}

/// What a cell of a numeric column holds where there is no value.
enum NumericCell {
  static let none = Int64.min
}

/// A frozen column of one search, read without reference counts and for any ordinal.
struct CellReader<Value: BitwiseCopyable & Equatable & Sendable>: Sendable {
  /// Keeps the chunks alive.
  private let column: ChunkedColumn<Value>
  private let table: Table

  /// The chunks' addresses. Sendable because it never changes.
  private final class Table: @unchecked Sendable {
    let chunks: UnsafeMutablePointer<UnsafeMutablePointer<Value>?>
    let count: Int

    init(_ column: ChunkedColumn<Value>) {
      count = column.chunks.count
      chunks = .allocate(capacity: max(1, count))
      for index in 0..<count { (chunks + index).initialize(to: column.chunks[index]?.values) }
    }

    deinit { chunks.deallocate() }
  }

  init(_ column: ChunkedColumn<Value>) {
    self.column = column
    table = Table(column)
  }

  @inline(__always)
  subscript(ordinal: UInt32) -> Value { cells[ordinal] }

  /// For loops that read many cells: no reference at all, good as long as the reader lives.
  var cells: Cells { Cells(chunks: table.chunks, count: table.count, initial: column.initial) }

  struct Cells {
    fileprivate let chunks: UnsafeMutablePointer<UnsafeMutablePointer<Value>?>
    fileprivate let count: Int
    fileprivate let initial: Value

    @inline(__always)
    subscript(ordinal: UInt32) -> Value {
      let index = Int(ordinal >> ChunkedColumn<Value>.chunkBits)
      // Safe: the index is compared with the table, and a chunk has a value for each remainder.
      guard index < count, let chunk = chunks[index] else { return initial }
      return chunk[Int(ordinal) & (ChunkedColumn<Value>.chunkCount - 1)]
    }
  }
}

extension CellReader<Int64>.Cells {
  /// Clears the bits of documents whose cells are not in `range`; document i has ordinal ordinals[i].
  func keep(
    in range: ClosedRange<Int64>, _ ordinals: UnsafePointer<UInt32>,
    _ bits: UnsafeMutablePointer<UInt64>, _ words: Int
  ) {
    let width = UInt64(bitPattern: range.upperBound &- range.lowerBound)
    kernels_keep_in_range(
      chunks, count, initial, ordinals, bits, words, range.lowerBound, width)
  }
}
