// PageMap: page number -> value, for what the writer notes of each page that it makes. A hash table with
// open addressing and linear probing; a removal moves the entries behind it back, so that no marks of
// removed entries are left. Page numbers come from this process and not from a stranger, so that one
// multiplication is hash enough: of a group's work on a page, Swift's dictionaries took a tenth.
//
// Invariants
// 1. Page 0 is never a key (page 0 is never a page): it marks a free place.
// 2. At most three quarters of the places are taken, so that every search ends.
// 3. Between an entry and the place where its search begins, no place is free.

package struct PageMap<Value> {
  private var keys: [UInt64] = []
  private var values: [Value?] = []
  package private(set) var count = 0
  private var mask: Int { keys.count - 1 }

  package init() {}

  package var isEmpty: Bool { count == 0 }

  /// Setting nil removes the page.
  package subscript(page: UInt64) -> Value? {
    @inline(__always)
    get {
      guard count > 0 else { return nil }
      let place = place(of: page)
      return keys[place] == page ? values[place] : nil
    }
    set {
      if let newValue {
        set(page, newValue)
      } else {
        remove(page)
      }
    }
  }

  private mutating func set(_ page: UInt64, _ value: Value) {
    precondition(page != 0, "page 0 is no page")
    if (count + 1) * 4 > keys.count * 3 { resize(to: max(16, keys.count * 2)) }
    let place = place(of: page)
    if keys[place] != page {
      keys[place] = page
      count += 1
    }
    values[place] = value
  }

  /// The value that the page had.
  @discardableResult
  package mutating func remove(_ page: UInt64) -> Value? {
    guard count > 0 else { return nil }
    var hole = place(of: page)
    guard keys[hole] == page else { return nil }
    let removed = values[hole]
    var next = (hole + 1) & mask
    while keys[next] != 0 {
      // Whether the search for `next` passes the hole.
      let distance = (next - start(of: keys[next])) & mask
      if distance >= (next - hole) & mask {
        keys[hole] = keys[next]
        values[hole] = values[next]
        hole = next
      }
      next = (next + 1) & mask
    }
    keys[hole] = 0
    values[hole] = nil
    count -= 1
    return removed
  }

  /// Keeps what `isKept` says, and gives back memory when little is left.
  package mutating func filter(_ isKept: (UInt64, Value) -> Bool) {
    var kept = PageMap()
    visit { page, value in if isKept(page, value) { kept.set(page, value) } }
    self = kept
  }

  /// Every page with its value, in no particular order.
  package func visit(_ body: (UInt64, Value) -> Void) {
    for (place, page) in keys.enumerated() where page != 0 {
      if let value = values[place] { body(page, value) }
    }
  }

  /// The pages, in no particular order.
  package var pages: [UInt64] { keys.filter { $0 != 0 } }

  private mutating func resize(to capacity: Int) {
    let old = self
    keys = [UInt64](repeating: 0, count: capacity)
    values = [Value?](repeating: nil, count: capacity)
    count = 0
    old.visit { page, value in set(page, value) }
  }

  /// Where the search for a page begins: neighbouring pages far from one another.
  @inline(__always)
  private func start(of page: UInt64) -> Int {
    Int(truncatingIfNeeded: (page &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
  }

  /// The page's place, or the free one where it would stand.
  @inline(__always)
  private func place(of page: UInt64) -> Int {
    var place = start(of: page)
    while keys[place] != page, keys[place] != 0 { place = (place + 1) & mask }
    return place
  }
}
