// Frozen: a run of values that never changes after it is made, at an address that never moves.
//
// Searches read postings and norms by address, in C and without reference counts. The owner, a segment,
// lives as long as the snapshot that the search works on. Sixteen bytes past the end are readable zeros.

package final class Frozen<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
  let base: UnsafePointer<Element>
  let count: Int
  private let memory: UnsafeMutableRawPointer

  init(_ elements: [Element]) {
    count = elements.count
    let size = elements.count * MemoryLayout<Element>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size + 16, alignment: 16)
    elements.withUnsafeBytes { source in
      if let start = source.baseAddress { memory.copyMemory(from: start, byteCount: size) }
    }
    (memory + size).initializeMemory(as: UInt8.self, repeating: 0, count: 16)
    self.memory = memory
    // Safe: the memory was filled with `count` bit patterns of `Element`.
    base = UnsafePointer(memory.bindMemory(to: Element.self, capacity: max(1, count)))
  }

  deinit { memory.deallocate() }

  @inline(__always)
  subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count, "an index of a frozen run")
    return base[index]
  }

  /// Nil beyond the ends.
  func value(_ index: Int) -> Element? {
    index >= 0 && index < count ? base[index] : nil
  }

  var buffer: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: base, count: count) }
  var array: [Element] { Array(buffer) }
  var sizeBytes: Int { count * MemoryLayout<Element>.stride }
}
