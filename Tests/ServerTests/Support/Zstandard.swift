// Zstandard: libzstd's reader, for tests of what the server writes.

import CZstd

enum Zstandard {
  struct Failure: Error {}

  static func decompress(_ bytes: [UInt8]) throws -> [UInt8] {
    let size = bytes.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
    guard size < 64 << 20 else { throw Failure() }
    return [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      let written = bytes.withUnsafeBytes {
        ZSTD_decompress(buffer.baseAddress, Int(size), $0.baseAddress, $0.count)
      }
      count = ZSTD_isError(written) == 0 ? written : 0
    }
  }
}
