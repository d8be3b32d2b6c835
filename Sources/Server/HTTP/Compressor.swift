// Compressor and Inflater: small safe faces over zlib and libzstd.
//
// Invariants
// 1. A C stream lives at one address for as long as its Swift owner, and is ended exactly once.
// 2. C writes only into memory that Swift lent it, with its true size; a code of failure becomes nil
//    or an error, never bytes.
// 3. What is inflated is bounded while it is inflated: a bomb costs its bound and nothing more.

import CZlib
import CZstd

/// Compresses whole bodies. Not for two threads at once.
final class Compressor {
  /// Both low, because answers are compressed while a client waits; not tuned by measurement yet.
  private static let gzipLevel: Int32 = 4
  private static let zstdLevel: Int32 = 3
  /// 15 bits of window, and 16 for the gzip format instead of zlib's.
  fileprivate static let gzipWindowBits: Int32 = 15 + 16

  /// zlib keeps a pointer to its stream, so the stream must not move.
  private var gzipStream: UnsafeMutablePointer<z_stream>?
  private var zstdContext: OpaquePointer?

  init() {}

  deinit {
    if let gzipStream {
      deflateEnd(gzipStream)
      gzipStream.deallocate()
    }
    ZSTD_freeCCtx(zstdContext)
  }

  /// `bytes` in `coding`; nil when they would not get shorter or the library failed.
  func compress(_ bytes: [UInt8], _ coding: ContentCoding) -> [UInt8]? {
    let result =
      switch coding {
      case .gzip: gzip(bytes)
      case .zstd: zstd(bytes)
      }
    guard let result, result.count < bytes.count else { return nil }
    return result
  }

  private func zstd(_ bytes: [UInt8]) -> [UInt8]? {
    if zstdContext == nil { zstdContext = ZSTD_createCCtx() }
    guard let zstdContext else { return nil }
    let bound = ZSTD_compressBound(bytes.count)
    return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      // Safe: both buffers are given with their own sizes and outlive the call.
      let written = bytes.withUnsafeBytes {
        ZSTD_compressCCtx(
          zstdContext, buffer.baseAddress, bound, $0.baseAddress, $0.count, Self.zstdLevel)
      }
      count = ZSTD_isError(written) == 0 ? written : 0
    }.nilIfEmpty
  }

  private func gzip(_ bytes: [UInt8]) -> [UInt8]? {
    guard let stream = readyGzipStream(), bytes.count < Int(UInt32.max) else { return nil }
    let bound = Int(deflateBound(stream, UInt(bytes.count)))
    return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      bytes.withUnsafeBufferPointer { input in
        // Safe: zlib reads `avail_in` bytes and writes at most `avail_out`; it does not write to its
        // input, whose pointer is mutable only by its signature.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = buffer.baseAddress
        stream.pointee.avail_out = UInt32(clamping: bound)
        let isWhole = deflate(stream, Z_FINISH) == Z_STREAM_END
        count = isWhole ? bound - Int(stream.pointee.avail_out) : 0
        stream.pointee.next_in = nil
        stream.pointee.next_out = nil
      }
    }.nilIfEmpty
  }

  private func readyGzipStream() -> UnsafeMutablePointer<z_stream>? {
    if let gzipStream { return deflateReset(gzipStream) == Z_OK ? gzipStream : nil }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let memoryLevel: Int32 = 8
    guard
      deflateInit2_(
        stream, Self.gzipLevel, Z_DEFLATED, Self.gzipWindowBits, memoryLevel, Z_DEFAULT_STRATEGY,
        ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else {
      stream.deallocate()
      return nil
    }
    gzipStream = stream
    return stream
  }
}

extension [UInt8] {
  fileprivate var nilIfEmpty: [UInt8]? { isEmpty ? nil : self }
}

/// Why bytes cannot be inflated.
enum InflateError: Error, Equatable {
  /// They are more than `bytesMax`.
  case tooLarge
  /// They are not gzip, are cut short, or have something after their end.
  case malformed
}

enum Inflater {
  /// How much is inflated at a time.
  private static let chunkBytes = 64 * 1024

  /// The bytes of one gzip member (RFC 1952), at most `bytesMax`.
  static func gunzip(_ bytes: [UInt8], bytesMax: Int) throws(InflateError) -> [UInt8] {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    guard
      inflateInit2_(
        stream, Compressor.gzipWindowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        == Z_OK,
      bytes.count < Int(UInt32.max)
    else { throw .malformed }
    defer { inflateEnd(stream) }
    var output: [UInt8] = []
    let outcome = bytes.withUnsafeBufferPointer { input -> InflateError? in
      // Safe: as in `Compressor`; the input outlives every call.
      stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      stream.pointee.avail_in = UInt32(input.count)
      while true {
        // One byte more than allowed is enough to know.
        let room = min(chunkBytes, bytesMax - output.count + 1)
        guard room > 0 else { return .tooLarge }
        var code = Z_OK
        let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
          stream.pointee.next_out = buffer.baseAddress
          stream.pointee.avail_out = UInt32(room)
          code = inflate(stream, Z_NO_FLUSH)
          count = room - Int(stream.pointee.avail_out)
        }
        output += chunk
        guard output.count <= bytesMax else { return .tooLarge }
        if code == Z_STREAM_END { return stream.pointee.avail_in == 0 ? nil : .malformed }
        guard code == Z_OK, !chunk.isEmpty || stream.pointee.avail_in > 0 else { return .malformed }
      }
    }
    if let outcome { throw outcome }
    return output
  }
}
