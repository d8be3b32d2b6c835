// FreeSpace: which pages of the file are taken. One bit a page, in RAM; which page becomes free and
// when is not decided here (PageLives).
//
// Invariants
// 1. A page is handed out once until it is released; releasing a page that is not taken stops the
//    process, since the next step would be two owners of one page.
// 2. Pages below `firstPage` are always taken.
// 3. No clear bit lies below `lowest`.

package struct FreeSpace {
  package private(set) var taken: PageBits
  package private(set) var freeCount: UInt64
  package let firstPage: UInt64
  private var lowest: UInt64
  /// Where the search for a run goes on: runs move through the file, so that a search does not
  /// start over at a front full of single holes.
  private var runCursor: UInt64

  package init(firstPage: UInt64, pageCount: UInt64) {
    self.firstPage = firstPage
    taken = PageBits(count: max(pageCount, firstPage))
    taken.set(0..<firstPage)
    freeCount = taken.count - firstPage
    lowest = firstPage
    runCursor = firstPage
  }

  package var pageCount: UInt64 { taken.count }
  package var takenCount: UInt64 { pageCount - firstPage - freeCount }

  package mutating func extend(to pageCount: UInt64) {
    guard pageCount > taken.count else { return }
    freeCount += pageCount - taken.count
    taken.extend(to: pageCount)
  }

  /// The lowest free page, so that the file's end stays free; nil when all are taken.
  package mutating func take() -> UInt64? {
    guard freeCount > 0, let page = taken.firstClear(from: lowest) else { return nil }
    taken.set(page..<page + 1)
    freeCount -= 1
    lowest = page + 1
    return page
  }

  /// The first page of `count` free neighbours; nil when there are none.
  package mutating func takeRun(_ count: UInt64) -> UInt64? {
    guard count > 0, count <= freeCount else { return nil }
    let start = max(runCursor, lowest)
    guard let first = findRun(count, from: start) ?? findRun(count, from: lowest) else {
      return nil
    }
    taken.set(first..<first + count)
    freeCount -= count
    runCursor = first + count
    return first
  }

  private func findRun(_ count: UInt64, from start: UInt64) -> UInt64? {
    var from = start
    while let first = taken.firstClear(from: from) {
      let end = taken.endOfRun(from: first, limit: taken.count)
      if end - first >= count { return first }
      from = end
    }
    return nil
  }

  /// Takes the given pages; false, and nothing taken, when one is taken already or out of range.
  package mutating func claim(_ pages: Range<UInt64>) -> Bool {
    guard pages.lowerBound >= firstPage, pages.upperBound <= pageCount else { return false }
    for page in pages where taken[page] { return false }
    taken.set(pages)
    freeCount -= UInt64(pages.count)
    return true
  }

  package mutating func release(_ pages: Range<UInt64>) {
    precondition(pages.lowerBound >= firstPage && pages.upperBound <= pageCount)
    for page in pages { precondition(taken[page], "page \(page) is freed twice") }
    taken.clear(pages)
    freeCount += UInt64(pages.count)
    lowest = min(lowest, pages.lowerBound)
    runCursor = min(runCursor, max(lowest, pages.lowerBound))
  }
}
