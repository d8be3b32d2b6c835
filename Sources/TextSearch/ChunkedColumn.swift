// ChunkedColumn: one value for each ordinal, cheap to freeze.
//
// Invariants
// 1. An ordinal that nobody wrote reads as `initial`; a chunk that nobody wrote takes no memory.
// 2. Copies share chunks; a write copies at most its chunk of 1,024 and the list of chunks.

package struct ChunkedColumn<Value: BitwiseCopyable & Equatable & Sendable>: Sendable {
  private static var chunkBits: UInt32 { 10 }
  private static var chunkCount: Int { 1 << 10 }

  package let initial: Value
  /// Each of 1,024 values, or empty.
  private var chunks: [[Value]] = []

  package init(initial: Value) { self.initial = initial }

  @inline(__always)
  package subscript(ordinal: UInt32) -> Value {
    get {
      let chunk = Int(ordinal >> Self.chunkBits)
      guard chunk < chunks.count else { return initial }
      let cell = Int(ordinal & UInt32(Self.chunkCount - 1))
      return cell < chunks[chunk].count ? chunks[chunk][cell] : initial
    }
    set {
      let chunk = Int(ordinal >> Self.chunkBits)
      if chunk >= chunks.count {
        guard newValue != initial else { return }
        chunks.append(contentsOf: repeatElement([], count: chunk + 1 - chunks.count))
      }
      if chunks[chunk].isEmpty {
        guard newValue != initial else { return }
        chunks[chunk] = Array(repeating: initial, count: Self.chunkCount)
      }
      chunks[chunk][Int(ordinal & UInt32(Self.chunkCount - 1))] = newValue
    }
  }

  package var bytes: Int {
    chunks.reduce(0) { $0 + 8 + $1.count * MemoryLayout<Value>.size }
  }
}
