// Log: structured lines about what an operator must know.
//
// One JSON object a line, or one readable line on a terminal. Own code instead of swift-log: the
// server has one sink and one format, and a line a request must cost nothing while it is off.

import Bytes

/// Writes log lines to a sink.
public struct Log: Sendable {
  public enum Level: Int, Sendable, Comparable {
    case debug, info, warning, error

    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

    var name: String {
      switch self {
      case .debug: "debug"
      case .info: "info"
      case .warning: "warning"
      case .error: "error"
      }
    }
  }

  public enum Format: Sendable {
    case text, json
  }

  public var level: Level
  public var format: Format
  private let sink: @Sendable (String) -> Void

  public init(
    level: Level = .info, format: Format,
    sink: @escaping @Sendable (String) -> Void = StandardError.write
  ) {
    self.level = level
    self.format = format
    self.sink = sink
  }

  /// To standard error: text when it is a terminal, JSON otherwise.
  public static func standard(level: Level = .info) -> Log {
    Log(level: level, format: StandardError.isTerminal ? .text : .json)
  }

  /// One line, unless `level` is below the log's.
  public func write(_ level: Level, _ message: String, _ fields: [(String, String)] = []) {
    guard level >= self.level else { return }
    switch format {
    case .json:
      var writer = JSONWriter()
      writer.beginObject()
      writer.name("time")
      writer.string(Timestamp.now.description)
      writer.name("level")
      writer.string(level.name)
      writer.name("message")
      writer.string(message)
      for (name, value) in fields {
        writer.name(name)
        writer.string(value)
      }
      writer.endObject()
      sink(String(decoding: writer.bytes, as: UTF8.self))
    case .text:
      var line = "\(Timestamp.now) \(level.name) \(Self.oneLine(message))"
      for (name, value) in fields { line += " \(name)=\(Self.oneLine(value))" }
      sink(line)
    }
  }

  /// A notice of the database, a JSON object with `level` and `event`, as a line of this log.
  public func notice(_ line: String) {
    guard case .object(let members)? = try? JSONValue(parsing: Array(line.utf8)) else {
      return write(.warning, line)
    }
    var (level, message) = (Level.info, "notice")
    var fields: [(String, String)] = []
    for member in members {
      let text = member.value.text ?? String(decoding: member.value.bytes, as: UTF8.self)
      switch member.name {
      case "level": level = ["warn": .warning, "error": .error][text] ?? .info
      case "event": message = text
      default: fields.append((member.name, text))
      }
    }
    write(level, message, fields)
  }

  /// Control characters would let a client forge lines or drive the terminal.
  private static func oneLine(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? " " : $0 }))
  }

  /// Errors of ours and slow requests always, every request at debug level.
  func finished(_ exchange: Exchange, slowNanos: Int64) {
    let isError = exchange.status >= 500
    let isSlow = exchange.durationNanos >= slowNanos
    guard isError || isSlow || level == .debug else { return }
    var fields = [
      ("requestId", exchange.requestID), ("method", exchange.request?.method.name ?? ""),
      ("path", exchange.request?.path ?? ""), ("status", String(exchange.status)),
      ("durationMicros", String(exchange.durationNanos / 1000)),
    ]
    if let failure = exchange.failure { fields.append(("failure", failure)) }
    if isError {
      write(.error, "request failed", fields)
    } else if isSlow {
      write(.warning, "slow request", fields)
    } else {
      write(.debug, "request", fields)
    }
  }
}
