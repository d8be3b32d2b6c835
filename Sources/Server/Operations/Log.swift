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

    /// The level of that name.
    public init?(named name: String) {
      guard let level = [Level.debug, .info, .warning, .error].first(where: { $0.name == name })
      else { return nil }
      self = level
    }

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
  /// A line for every request.
  public var logsRequests: Bool
  private let sink: @Sendable (String) -> Void

  public init(
    level: Level = .info, format: Format, logsRequests: Bool = false,
    sink: @escaping @Sendable (String) -> Void = StandardError.write
  ) {
    self.level = level
    self.format = format
    self.logsRequests = logsRequests
    self.sink = sink
  }

  /// To standard error: text when it is a terminal, JSON otherwise.
  public static func standard(level: Level = .info, logsRequests: Bool = false) -> Log {
    Log(
      level: level, format: StandardError.isTerminal ? .text : .json, logsRequests: logsRequests)
  }

  /// One line, unless `level` is below the log's.
  public func write(_ level: Level, _ message: String, _ fields: [(String, String)] = []) {
    line(level, message, fields.map { ($0, .text($1)) })
  }

  private enum Value {
    case text(String)
    case number(Int64)

    var text: String {
      switch self {
      case .text(let text): text
      case .number(let number): String(number)
      }
    }
  }

  private func line(_ level: Level, _ message: String, _ fields: [(String, Value)]) {
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
        switch value {
        case .text(let text): writer.string(text)
        case .number(let number): writer.int(number)
        }
      }
      writer.endObject()
      sink(String(decoding: writer.bytes, as: UTF8.self))
    case .text:
      var line = "\(Timestamp.now) \(level.name) \(Self.oneLine(message))"
      for (name, value) in fields { line += " \(name)=\(Self.oneLine(value.text))" }
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

  /// Errors of ours and slow requests always, every request when that is asked for.
  ///
  /// A path is told where no route was found; else the route is, because what stands in place of its
  /// captures may be a secret of somebody (a link from a mail).
  func finished(_ exchange: Exchange, route: String?, slowNanos: Int64) {
    let isError = exchange.status >= 500
    let isSlow = exchange.durationNanos >= slowNanos
    guard isError || isSlow || logsRequests || level == .debug else { return }
    let request = exchange.request
    var fields: [(String, Value)] = [
      ("requestId", .text(exchange.requestID)), ("method", .text(request?.method.name ?? "")),
      route.map { ("route", .text($0)) } ?? ("path", .text(request?.path ?? "")),
      ("status", .number(Int64(exchange.status))),
      ("durationMicros", .number(exchange.durationNanos / 1000)),
      ("bytes", .number(Int64(exchange.bytes))), ("client", .text(request?.remoteAddress ?? "")),
    ]
    if let failure = exchange.failure { fields.append(("failure", .text(failure))) }
    if isError {
      line(.error, "request failed", fields)
    } else if isSlow {
      line(.warning, "slow request", fields)
    } else {
      line(logsRequests ? .info : .debug, "request", fields)
    }
  }
}
