// HTTPConnection: a small blocking HTTP/1.1 client with keep-alive over one TCP socket, for the
// benchmarks, for `--url`, and for the tests that drive the real binary. One request at a time.

import Bytes
import Glibc

package struct HTTPAnswer: Sendable {
  package var status: Int
  /// Names in lower case.
  package var headers: [String: String]
  package var body: [UInt8]

  package var text: String { String(decoding: body, as: UTF8.self) }
}

package enum HTTPClientError: Error, CustomStringConvertible {
  case cannotConnect(host: String, port: Int, errno: Int32)
  /// The server closed the connection or the socket failed: whether it acted is unknown.
  case connectionLost(String)
  case malformedAnswer(String)

  package var description: String {
    switch self {
    case .cannotConnect(let host, let port, let number):
      "cannot connect to \(host):\(port): \(String(cString: strerror(number)))"
    case .connectionLost(let reason): "the connection was lost: \(reason)"
    case .malformedAnswer(let reason): "the answer is not HTTP/1.1: \(reason)"
    }
  }
}

package final class HTTPConnection {
  private let host: String
  private let port: Int
  private var socket: Int32 = -1
  private var buffer: [UInt8] = []
  private var consumed = 0

  /// `host` is a numeric IPv4 address.
  package init(host: String, port: Int) throws(HTTPClientError) {
    self.host = host
    self.port = port
    try connect()
  }

  deinit { disconnect() }

  package func disconnect() {
    if socket >= 0 { Glibc.close(socket) }
    socket = -1
  }

  private func connect() throws(HTTPClientError) {
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    // Safe: sockaddr_in is a sockaddr to the socket calls.
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      let number = errno
      Glibc.close(descriptor)
      throw .cannotConnect(host: host, port: port, errno: number)
    }
    var one: Int32 = 1
    setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    socket = descriptor
    buffer = []
    consumed = 0
  }

  package func request(
    _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8] = []
  ) throws(HTTPClientError) -> HTTPAnswer {
    if socket < 0 { try connect() }
    var head = "\(method) \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if !body.isEmpty || method == "POST" || method == "PUT" {
      head += "Content-Length: \(body.count)\r\n"
    }
    head += "\r\n"
    try send(Array(head.utf8) + body)
    let answer = try receive(hasBody: method != "HEAD")
    if answer.headers["connection"]?.lowercased() == "close" { disconnect() }
    return answer
  }

  private func send(_ bytes: [UInt8]) throws(HTTPClientError) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw lost("send: \(String(cString: strerror(errno)))") }
      sent += count
    }
  }

  private func lost(_ reason: String) -> HTTPClientError {
    disconnect()
    return .connectionLost(reason)
  }

  private func fill() throws(HTTPClientError) {
    if consumed > 0 {
      buffer.removeFirst(consumed)
      consumed = 0
    }
    let start = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: 16_384))
    var count = 0
    repeat {
      count = buffer.withUnsafeMutableBytes {
        Glibc.recv(socket, $0.baseAddress?.advanced(by: start), 16_384, 0)
      }
    } while count < 0 && errno == EINTR
    buffer.removeLast(16_384 - max(0, count))
    guard count > 0 else { throw lost(count == 0 ? "closed by the server" : "receive failed") }
  }

  private func line() throws(HTTPClientError) -> String {
    var searched = consumed
    while true {
      if let end = buffer[searched...].firstIndex(of: 10) {
        let content = buffer[consumed..<end]
        consumed = end + 1
        return String(decoding: content.last == 13 ? content.dropLast() : content, as: UTF8.self)
      }
      let read = buffer.count - consumed
      try fill()
      searched = consumed + read
    }
  }

  private func take(_ count: Int) throws(HTTPClientError) -> [UInt8] {
    while buffer.count - consumed < count { try fill() }
    defer { consumed += count }
    return Array(buffer[consumed..<consumed + count])
  }

  private func receive(hasBody: Bool) throws(HTTPClientError) -> HTTPAnswer {
    while true {
      let status = try line().split(separator: " ")
      guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]) else {
        throw .malformedAnswer("no status line")
      }
      var headers: [String: String] = [:]
      while true {
        let line = try line()
        if line.isEmpty { break }
        guard let colon = line.firstIndex(of: ":") else {
          throw .malformedAnswer("a header without a colon")
        }
        headers[line[..<colon].lowercased()] = String(
          line[line.index(after: colon)...].drop { $0 == " " })
      }
      if code == 100 { continue }
      guard hasBody, code != 204, code != 304 else {
        return HTTPAnswer(status: code, headers: headers, body: [])
      }
      return HTTPAnswer(status: code, headers: headers, body: try body(headers))
    }
  }

  private func body(_ headers: [String: String]) throws(HTTPClientError) -> [UInt8] {
    if headers["transfer-encoding"]?.lowercased() == "chunked" {
      var body: [UInt8] = []
      while true {
        let size = try line().split(separator: ";").first ?? ""
        guard let count = Int(size, radix: 16), count >= 0 else {
          throw .malformedAnswer("a chunk without a size")
        }
        body += try take(count)
        _ = try line()
        if count == 0 { return body }
      }
    }
    guard let length = headers["content-length"] else { return [] }
    guard let count = Int(length), count >= 0 else {
      throw .malformedAnswer("Content-Length: \(length)")
    }
    return try take(count)
  }
}
