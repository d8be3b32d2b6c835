// TreeRoot: all that has to be remembered of a tree.
//
// On disk, as the value of the tree's entry in the catalog:
//   u64 page number, u64 page hash, u64 entry count, u32 level, u32 zero = 32 bytes
// Decoding refuses a level of PageLayout.depthMax or more, page number 0, hash 0, and a rest.

import Bytes

/// The root page of a tree, its level, and how many entries the tree holds.
public struct TreeRoot: Hashable, Sendable {
  /// Number 0: the tree is empty and has no page. Hash 0: the root belongs to the unsealed group.
  public var reference: PageReference
  /// Of the root page; 0 when it is a leaf.
  public var level: Int
  public var entryCount: UInt64

  public init(reference: PageReference, level: Int, entryCount: UInt64) {
    self.reference = reference
    self.level = level
    self.entryCount = entryCount
  }

  public static let empty = TreeRoot(
    reference: PageReference(number: 0, hash: 0), level: 0, entryCount: 0)

  public var isEmpty: Bool { reference.number == 0 }
  public var isSealed: Bool { isEmpty || reference.hash != 0 }

  public static let encodedBytes = 32

  public var encoded: [UInt8] {
    var writer = ByteWriter(reserving: Self.encodedBytes)
    writer.u64(reference.number)
    writer.u64(reference.hash)
    writer.u64(entryCount)
    writer.u32(UInt32(truncatingIfNeeded: level))
    writer.u32(0)
    return writer.bytes
  }

  public init(decoding bytes: RawSpan) throws(DecodeError) {
    var reader = ByteReader(bytes)
    reference = PageReference(
      number: try reader.u64("root page"), hash: try reader.u64("root hash"))
    entryCount = try reader.u64("entry count")
    level = Int(try reader.u32("root level"))
    let rest = try reader.u32("reserved")
    try reader.finish("tree root")
    guard reference.number != 0, reference.hash != 0, level < PageLayout.depthMax, rest == 0 else {
      throw DecodeError(.invalid, "tree root", at: 0)
    }
  }
}
