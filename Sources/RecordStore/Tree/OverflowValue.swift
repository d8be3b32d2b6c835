// OverflowValue: the payload of a value that lives in extents.
//
//   u32 total length, then for each extent: u64 first page, u32 bytes, u64 hash
//   4 + 20 k bytes; k is at least 1 and at most 16 (16 MiB in runs of 1 MiB)
//
// Valid when every extent has a page and 1...1 MiB of bytes, and the bytes add up to the total.

import Bytes

/// The extents of a large value, in order.
struct OverflowValue {
  let payload: BorrowedBytes

  /// Nil when the payload is not well-formed.
  init?(_ payload: BorrowedBytes) {
    self.payload = payload
    let bytes = payload.count - 4
    guard bytes > 0, bytes % PageLayout.extentReferenceBytes == 0,
      totalBytes <= KeyLimits.valueBytesMax
    else { return nil }
    var sum = 0
    for index in 0..<extentCount {
      let extent = extent(index)
      guard extent.firstPage != 0, extent.byteCount > 0,
        extent.byteCount <= PageLayout.extentBytesMax
      else { return nil }
      sum += Int(extent.byteCount)
    }
    guard sum == totalBytes else { return nil }
  }

  var totalBytes: Int { Int(payload.load32(0)) }
  var extentCount: Int { (payload.count - 4) / PageLayout.extentReferenceBytes }

  func extent(_ index: Int) -> ExtentReference {
    let offset = 4 + index * PageLayout.extentReferenceBytes
    return ExtentReference(
      firstPage: payload.load64(offset), byteCount: payload.load32(offset + 8),
      hash: payload.load64(offset + 12))
  }

  /// The value, put together from its extents.
  func read(from pages: any PageReader) throws(StoreError) -> [UInt8] {
    if extentCount == 1 { return try pages.extent(extent(0)) }
    var value: [UInt8] = []
    value.reserveCapacity(totalBytes)
    for index in 0..<extentCount { value += try pages.extent(extent(index)) }
    return value
  }

  /// Writes `value` to new extents and gives the payload that stands for it.
  static func write(_ value: [UInt8], to pages: any PageSink) throws(StoreError) -> [UInt8] {
    var writer = ByteWriter()
    writer.u32(UInt32(truncatingIfNeeded: value.count))
    var offset = 0
    let bytes = value.span.bytes
    while offset < value.count {
      let end = min(value.count, offset + PageLayout.extentBytesMax)
      let extent = try pages.newExtent(bytes.extracting(offset..<end))
      writer.u64(extent.firstPage)
      writer.u32(extent.byteCount)
      writer.u64(extent.hash)
      offset = end
    }
    return writer.bytes
  }
}
