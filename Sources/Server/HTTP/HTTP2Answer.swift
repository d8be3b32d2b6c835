// HTTP2Answer: turns the bytes of an answer, as `Response` writes them for HTTP/1.1, into the parts of
// an HTTP/2 answer. There is one rendering of answers, so that no header can be right in one protocol
// and wrong in the other.

import NIOCore
import NIOHTTP1
import NIOHTTP2

/// When bytes of a stream's answer last left for its connection.
final class WriteProgress {
  private(set) var chunks = 0
  fileprivate func note() { chunks &+= 1 }
}

final class HTTP2Answer: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = HTTPServerResponsePart

  /// Bodies leave in pieces of this size, so that a slow reader can be told from one that takes nothing.
  private static let chunkBytes = 64 << 10

  private let progress: WriteProgress

  init(_ progress: WriteProgress) {
    self.progress = progress
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    var bytes = unwrapOutboundIn(data)
    guard bytes.readableBytes > 0, let head = Self.head(&bytes) else {
      promise?.succeed(())
      return
    }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if head.status.code < 200 {
      promise?.succeed(())
      return
    }
    let bound = NIOLoopBound(progress, eventLoop: context.eventLoop)
    while let chunk = bytes.readSlice(length: min(Self.chunkBytes, bytes.readableBytes)),
      chunk.readableBytes > 0
    {
      context.write(wrapOutboundOut(.body(.byteBuffer(chunk)))).whenSuccess { bound.value.note() }
    }
    context.write(wrapOutboundOut(.end(nil)), promise: promise)
  }

  /// The head of what `Response` wrote; its lines end in CR LF, and its names are clean.
  private static func head(_ bytes: inout ByteBuffer) -> HTTPResponseHead? {
    var headers: [(String, String)] = []
    var status: Int?
    while let line = readLine(&bytes) {
      if line.isEmpty {
        return status.map {
          HTTPResponseHead(
            version: .http2, status: HTTPResponseStatus(statusCode: $0),
            headers: HTTPHeaders(headers))
        }
      }
      if status == nil {
        status = Int(line.dropFirst(9).prefix(3))
      } else if let colon = line.firstIndex(of: ":") {
        headers.append(
          (String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " })))
      }
    }
    return nil
  }

  private static func readLine(_ bytes: inout ByteBuffer) -> Substring? {
    let view = bytes.readableBytesView
    guard let end = view.firstIndex(of: UInt8(ascii: "\n")), end > view.startIndex else {
      return nil
    }
    let line = bytes.readString(length: end - view.startIndex + 1) ?? ""
    return Substring(line.utf8.dropLast(2))
  }
}
