// TestClient: a blocking HTTP/1.1 client over one socket, for tests and benchmarks. It can send any
// bytes, sane or not, and reads answers one by one.

import Glibc

struct TestReply {
  var status: Int
  var headers: [(name: String, value: String)]
  var body: [UInt8]

  subscript(name: String) -> String? {
    headers.first { $0.name == name.lowercased() }?.value
  }
  var text: String { String(decoding: body, as: UTF8.self) }
}

enum TestClientError: Error {
  case connect(Int32)
  case closed
}

/// One connection. Reads give up after ten seconds, so that a server that hangs fails the test.
final class TestClient {
  private let descriptor: Int32
  private var buffered: [UInt8] = []

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var timeout = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw TestClientError.connect(errno) }
  }

  deinit { close(descriptor) }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress! + offset, bytes.count - offset, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return }
      offset += count
    }
  }

  /// True when the server has sent or closed something; waits for it as long as `millis`.
  func hasNews(withinMillis millis: Int32) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return !buffered.isEmpty || poll(&waiting, 1, millis) > 0
  }

  func shutdownSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  private func fill() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else { return false }
    buffered.append(contentsOf: chunk[..<count])
    return true
  }

  private func line() throws -> String {
    while true {
      if let end = buffered.firstIndex(of: 10) {
        let text = String(decoding: buffered[..<end], as: UTF8.self)
        buffered.removeSubrange(...end)
        return text.hasSuffix("\r") ? String(text.dropLast()) : text
      }
      guard fill() else { throw TestClientError.closed }
    }
  }

  /// The next answer. `headOnly` for answers to HEAD.
  func reply(headOnly: Bool = false) throws -> TestReply {
    // "HTTP/1.1 200 OK\r\n" ends in \r\n, which Swift counts as one character: work on bytes.
    let statusLine = try line()
    let status = Int(statusLine.split(separator: " ").dropFirst().first ?? "") ?? 0
    var reply = TestReply(status: status, headers: [], body: [])
    while true {
      let field = try line()
      if field.isEmpty { break }
      guard let colon = field.firstIndex(of: ":") else { continue }
      let value = field[field.index(after: colon)...].drop { $0 == " " }
      reply.headers.append((field[..<colon].lowercased(), String(value)))
    }
    guard !headOnly, let length = Int(reply["content-length"] ?? "0") else { return reply }
    while buffered.count < length { guard fill() else { throw TestClientError.closed } }
    reply.body = Array(buffered[..<length])
    buffered.removeSubrange(..<length)
    return reply
  }

  /// Forgets what has come.
  func drop() { buffered = [] }

  /// True when the server closed and sent nothing more.
  func isAtEnd() -> Bool { buffered.isEmpty && !fill() }

  func get(_ path: String, _ fields: String = "") throws -> TestReply {
    send("GET \(path) HTTP/1.1\r\nHost: t\r\n\(fields)\r\n")
    return try reply()
  }

  func post(_ path: String, _ body: String, _ fields: String = "") throws -> TestReply {
    try ask("POST", path, body, fields)
  }

  func ask(
    _ method: String, _ path: String, _ body: String, _ fields: String = ""
  ) throws -> TestReply {
    send(
      "\(method) \(path) HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\(fields)"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    return try reply()
  }
}
