// TreeRoots: the roots of all trees by their numbers, in one sorted array. There are less than a hundred
// or a few hundred, and every read and every change of a transaction asks for some: a search in it costs
// a fraction of hashing the number, and a copy of it, one a group, is one block.
//
// Invariant: numbers rise; no root is empty.

public struct TreeRoots: Equatable, Sendable {
  public struct Element: Equatable, Sendable {
    public var key: UInt32
    public var value: TreeRoot
  }

  /// In order of the trees' numbers.
  public private(set) var all: [Element] = []

  public init() {}

  public var isEmpty: Bool { all.isEmpty }
  public var keys: [UInt32] { all.map(\.key) }
  public var values: [TreeRoot] { all.map(\.value) }

  /// Nil for a tree without entries. An empty root is kept as none.
  public subscript(tree: UInt32) -> TreeRoot? {
    get {
      let place = place(of: tree)
      return place < all.count && all[place].key == tree ? all[place].value : nil
    }
    set {
      let place = place(of: tree)
      let isThere = place < all.count && all[place].key == tree
      if let newValue, !newValue.isEmpty {
        if isThere {
          all[place].value = newValue
        } else {
          all.insert(Element(key: tree, value: newValue), at: place)
        }
      } else if isThere {
        all.remove(at: place)
      }
    }
  }

  /// Of the first tree that is not below `tree`.
  private func place(of tree: UInt32) -> Int {
    var (low, high) = (0, all.count)
    while low < high {
      let middle = (low + high) / 2
      if all[middle].key < tree { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
