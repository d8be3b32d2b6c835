// Surveying a damaged store: what of its trees can still be proved. Where a page is lost the survey
// goes on beside it and says which keys are missing.
//
// Everything that a survey gives was proved: by the hash in a reference that was itself proved, up to
// a meta block; or, for a leaf that has lost its parent, by its own hash, its number, the number of
// its tree and the checkpoint's free map, which says that the checkpoint needs the page.

import Bytes
import CommitLog
import Disk

/// Keys of a tree whose page cannot be read.
public struct LostRange: Equatable, Sendable {
  public var page: UInt64
  public var from: [UInt8]
  /// Exclusive; nil is the end of the tree.
  public var to: [UInt8]?
  public var reason: String

  package init(page: UInt64, from: [UInt8], to: [UInt8]?, reason: String) {
    self.page = page
    self.from = from
    self.to = to
    self.reason = reason
  }

  public func contains(_ key: [UInt8]) -> Bool {
    !key.isBelow(from) && (to.map { key.isBelow($0) } ?? true)
  }
}

package final class StoreSurvey {
  private let file: PageFile
  /// Valid meta blocks, the newest first.
  package let metas: [MetaBlock]

  package init(disk: any Disk, folder: String) throws(StoreError) {
    var found: [MetaBlock] = []
    do {
      let file = try disk.open(folder + "/" + RecordStore.fileName, mode: .readOnly)
      for slot in 0...1 {
        guard let block = try PageFile.readMeta(file, slot: slot),
          let meta = try? MetaBlock.decode(block, slot: slot)
        else { continue }
        found.append(meta)
      }
      found.sort { $0.sequence > $1.sequence }
      guard let newest = found.first else {
        throw StoreError.corrupt(
          "\(file.path): no meta block is valid, so nothing says which pages belong together")
      }
      self.file = PageFile(file: file, pageSize: newest.pageSize) {
        bytes, number throws(StoreError) in
        try PageValidator.validate(bytes, expectedNumber: number)
      }
    } catch let error as StoreError {
      throw error
    } catch {
      throw .disk("\(error)")
    }
    metas = found.filter { $0.pageSize == found[0].pageSize }
  }

  deinit { file.close() }

  /// The roots that the catalog of a checkpoint still names, and what of the catalog is lost.
  package func roots(_ meta: MetaBlock) -> (roots: [UInt32: TreeRoot], lost: [LostRange]) {
    var roots: [UInt32: TreeRoot] = [:]
    var lost: [LostRange] = []
    guard meta.root.number != 0 else { return ([:], []) }
    var reached: Set<UInt64> = []
    walk(meta.root, level: nil, from: [], to: nil, &lost, &reached) { key, value in
      var number = KeyReader(key.span.bytes)
      if let tree = try? number.read(UInt32.self),
        let root = try? TreeRoot(decoding: value.span.bytes)
      {
        roots[tree] = root
      }
    }
    return (roots, lost)
  }

  /// Gives every row under `root` that can be proved; what is lost, and the pages that were reached.
  package func rows(
    _ root: TreeRoot, reached: inout Set<UInt64>, _ body: ([UInt8], [UInt8]) -> Void
  ) -> [LostRange] {
    var lost: [LostRange] = []
    guard !root.isEmpty else { return [] }
    walk(root.reference, level: root.level, from: [], to: nil, &lost, &reached, body)
    return lost
  }

  /// Recursion is as deep as the tree: the level falls by one a call. `level` nil: as the page says.
  private func walk(
    _ reference: PageReference, level: Int?, from: [UInt8], to: [UInt8]?,
    _ lost: inout [LostRange], _ reached: inout Set<UInt64>, _ body: ([UInt8], [UInt8]) -> Void
  ) {
    let frame = UnsafeMutableRawPointer.allocate(byteCount: file.pageSize, alignment: 64)
    defer { frame.deallocate() }
    do throws(StoreError) {
      try file.read(reference, into: frame)
      let page = PageView(frame, size: file.pageSize)
      guard level == nil || page.level == level, page.level < PageLayout.depthMax else {
        throw .corrupt("page \(reference.number) has level \(page.level)")
      }
      reached.insert(reference.number)
      guard !page.isLeaf else { return rows(of: page, &lost, body) }
      for index in 0..<page.count {
        walk(
          page.child(index), level: page.level - 1, from: index == 0 ? from : page.key(index),
          to: index + 1 < page.count ? page.key(index + 1) : to, &lost, &reached, body)
      }
    } catch {
      lost.append(LostRange(page: reference.number, from: from, to: to, reason: "\(error)"))
    }
  }

  private func rows(
    of page: PageView, _ lost: inout [LostRange], _ body: ([UInt8], [UInt8]) -> Void
  ) {
    for index in 0..<page.count {
      let key = page.key(index)
      let payload = page.payload(index)
      guard page.isOverflow(index) else {
        body(key, [UInt8](payload.buffer))
        continue
      }
      do throws(StoreError) {
        var value: [UInt8] = []
        if let overflow = OverflowValue(payload) {
          for position in 0..<overflow.extentCount {
            value += try file.read(overflow.extent(position))
          }
        }
        body(key, value)
      } catch {
        lost.append(LostRange(page: page.number, from: key, to: key + [0], reason: "\(error)"))
      }
    }
  }

  /// Gives the rows of leaves of `tree` that the checkpoint needs, that no proved reference reached,
  /// and that prove themselves. False when the free map, which says what is needed, is lost.
  package func orphans(
    of tree: UInt32, _ meta: MetaBlock, notIn reached: Set<UInt64>,
    _ lost: inout [LostRange], _ body: ([UInt8], [UInt8]) -> Void
  ) -> Bool {
    guard meta.freeMap.byteCount > 0, let bytes = try? file.read(meta.freeMap),
      let pageCount = try? file.pageCount(),
      let map = try? FreeMap(bytes.span.bytes, pageCountMax: pageCount)
    else { return false }
    for number in file.firstPage..<max(file.firstPage, map.pageCount)
    where map.inUse[number] && !reached.contains(number) {
      guard let bytes = try? file.raw(number) else { continue }
      bytes.withUnsafeBytes { buffer in
        guard PageValidator.provesItself(buffer), let base = buffer.baseAddress,
          (try? PageValidator.validate(buffer, expectedNumber: number)) != nil
        else { return }
        let page = PageView(base, size: buffer.count)
        if page.isLeaf, page.tree == tree { rows(of: page, &lost, body) }
      }
    }
    return true
  }
}

extension PageFile {
  /// A page as it is, unproved.
  fileprivate func raw(_ number: UInt64) throws(StoreError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: pageSize)
    let isWhole =
      (try? bytes.withUnsafeMutableBytes { try fillUnproved($0, page: number) }) ?? false
    guard isWhole else { throw .corrupt("page \(number) lies beyond the end of the file") }
    return bytes
  }
}
