// Completions: what a beginning may become, the most popular first. A value; copies share their tables.
//
// Changes make small tables beside the large one, merged when the older of two neighbours is less than
// four times as large as the newer. An entry that was replaced or removed is dead in its table until
// then. A change so costs microseconds on average, and seldom as much as making all anew.

/// A text that may be suggested.
public struct CompletionEntry: Equatable, Sendable {
  public var text: String
  /// Zero or more; the heavier of two comes first.
  public var weight: Int
  /// What the caller knows the entry by; a later entry with the same payload takes its place.
  public var payload: [UInt8]

  public init(text: String, weight: Int, payload: [UInt8]) {
    (self.text, self.weight, self.payload) = (text, max(0, weight), payload)
  }
}

public struct Completion: Equatable, Sendable {
  public var entry: CompletionEntry
  /// Zero, or one if only a typo was in the way.
  public var typos: Int
}

public struct Completions: Sendable {
  struct Level: Sendable {
    var table: CompletionTable
    var dead: Set<UInt32> = []

    var live: [CompletionEntry] {
      guard !dead.isEmpty else { return table.entries }
      return table.entries.enumerated().filter { !dead.contains(UInt32($0.offset)) }.map(\.element)
    }
  }

  /// Oldest first.
  private(set) var levels: [Level] = []

  public init(_ entries: [CompletionEntry] = []) {
    if !entries.isEmpty { levels = [Level(table: CompletionTable(entries))] }
  }

  public var count: Int { levels.reduce(0) { $0 + $1.table.entries.count - $1.dead.count } }

  /// The best entries of which some word begins with the last word of `typed`, its other words standing
  /// before: exact ones by weight, then, if they are fewer than `limit`, those with one typo.
  public func best(_ typed: String, limit: Int = 10, allowsTypo: Bool = true) -> [Completion] {
    var search = CompletionSearch(levels, limit: limit)
    return search.run(typed, allowsTypo: allowsTypo)
  }

  /// Adds entries, each in the place of the one with its payload.
  public mutating func put(_ entries: [CompletionEntry]) {
    guard !entries.isEmpty else { return }
    for entry in entries { remove(payload: entry.payload) }
    levels.append(Level(table: CompletionTable(entries)))
    merge()
  }

  public mutating func remove(payload: [UInt8]) {
    for index in levels.indices {
      if let entry = levels[index].table.entry(withPayload: payload) {
        levels[index].dead.insert(entry)
      }
    }
  }

  private mutating func merge() {
    while levels.count > 1 {
      let (older, newer) = (levels[levels.count - 2], levels[levels.count - 1])
      guard older.table.entries.count < 4 * newer.table.entries.count else { return }
      levels.removeLast(2)
      levels.append(Level(table: CompletionTable(older.live + newer.live)))
    }
  }
}
