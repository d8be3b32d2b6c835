// Metrics: request counters and durations, and their Prometheus text (format 0.0.4).
//
// Each event loop has counters of its own behind a lock that only a scrape ever contends for, so
// counting costs two uncontended lock operations and no shared cache line. A scrape adds them up.

import Synchronization

/// What the server counts. It is the server's observer; `log` gets what must be told at once.
public final class Metrics: ServerObserver {
  /// Upper bounds in seconds; the last bucket, +Inf, is implied.
  static let bounds: [(nanos: Int64, text: String)] = [
    (5_000_000, "0.005"), (10_000_000, "0.01"), (25_000_000, "0.025"), (50_000_000, "0.05"),
    (100_000_000, "0.1"), (250_000_000, "0.25"), (500_000_000, "0.5"), (1_000_000_000, "1"),
    (2_000_000_000, "2"), (5_000_000_000, "5"), (10_000_000_000, "10"),
  ]

  struct Key: Hashable, Sendable {
    var route: Int
    var method: Method
    var status: Int
  }

  struct Series: Sendable {
    var count: UInt64 = 0
    var nanos: Int64 = 0
    var buckets = [UInt64](repeating: 0, count: bounds.count)

    mutating func add(_ nanos: Int64) {
      count += 1
      self.nanos &+= nanos
      if let index = bounds.firstIndex(where: { nanos <= $0.nanos }) { buckets[index] += 1 }
    }

    mutating func add(_ other: Series) {
      count += other.count
      nanos &+= other.nanos
      for index in buckets.indices { buckets[index] += other.buckets[index] }
    }
  }

  private final class LoopCounters: Sendable {
    let series = Mutex<[Key: Series]>([:])
    let connections = Atomic<Int>(0)
    let opened = Atomic<UInt64>(0)
    let bytes = Atomic<UInt64>(0)
  }

  private let loops: [LoopCounters]
  private let templates: [String]
  private let log: Log?
  private let slowNanos: Int64
  private let extra: @Sendable (inout String) -> Void

  /// - Parameters:
  ///   - routes: the table, whose order the route indices follow.
  ///   - extra: appends more metrics in the same text format: those of the engines.
  public init(
    routes: [Route], options: ServerOptions, log: Log? = nil,
    extra: @escaping @Sendable (inout String) -> Void = { _ in }
  ) {
    loops = (0..<HTTPServer.loopCount(options)).map { _ in LoopCounters() }
    templates = routes.map(\.path)
    self.log = log
    slowNanos = options.slowRequestMillis * 1_000_000
    self.extra = extra
  }

  public func connectionOpened(loop: Int) {
    loops[loop].connections.add(1, ordering: .relaxed)
    loops[loop].opened.add(1, ordering: .relaxed)
  }

  public func connectionClosed(loop: Int) {
    loops[loop].connections.subtract(1, ordering: .relaxed)
  }

  public func finished(_ exchange: Exchange) {
    let key = Key(
      route: exchange.route, method: exchange.request?.method ?? .other, status: exchange.status)
    loops[exchange.loop].series.withLock {
      $0[key, default: Series()].add(exchange.durationNanos)
    }
    loops[exchange.loop].bytes.add(UInt64(clamping: exchange.bytes), ordering: .relaxed)
    guard let log else { return }
    let route = templates.indices.contains(exchange.route) ? templates[exchange.route] : nil
    log.finished(exchange, route: route, slowNanos: slowNanos)
  }

  public func warn(_ message: String, requestID: String) {
    log?.write(.warning, message, [("requestId", requestID)])
  }

  /// Every metric as Prometheus text.
  public func render() -> String {
    var total: [Key: Series] = [:]
    for loop in loops {
      for (key, series) in loop.series.withLock({ $0 }) {
        total[key, default: Series()].add(series)
      }
    }
    let keys = total.keys.sorted {
      ($0.route, $0.method.rawValue, $0.status) < ($1.route, $1.method.rawValue, $1.status)
    }
    var text = "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n"
    for key in keys {
      text += "http_requests_total{\(labels(key))} \(total[key]?.count ?? 0)\n"
    }
    text += "# HELP http_request_duration_seconds From the end of the head to the answer.\n"
    text += "# TYPE http_request_duration_seconds histogram\n"
    for key in keys {
      guard let series = total[key] else { continue }
      let labels = labels(key)
      let name = "http_request_duration_seconds"
      var cumulative: UInt64 = 0
      for (bound, count) in zip(Self.bounds, series.buckets) {
        cumulative += count
        text += "\(name)_bucket{\(labels),le=\"\(bound.text)\"} \(cumulative)\n"
      }
      text += "\(name)_bucket{\(labels),le=\"+Inf\"} \(series.count)\n"
      text += "\(name)_sum{\(labels)} \(Double(series.nanos) / 1e9)\n"
      text += "\(name)_count{\(labels)} \(series.count)\n"
    }
    let active = loops.reduce(0) { $0 + $1.connections.load(ordering: .relaxed) }
    text += "# HELP active_connections Open connections.\n# TYPE active_connections gauge\n"
    text += "active_connections \(active)\n"
    MetricText.counter(
      "souk_http_connections_total", "Connections accepted.",
      loops.reduce(0) { $0 &+ $1.opened.load(ordering: .relaxed) }, to: &text)
    MetricText.counter(
      "souk_http_sent_bytes_total", "Bytes of answers.",
      loops.reduce(0) { $0 &+ $1.bytes.load(ordering: .relaxed) }, to: &text)
    extra(&text)
    return text
  }

  private func labels(_ key: Key) -> String {
    let route = templates.indices.contains(key.route) ? templates[key.route] : "unmatched"
    return "method=\"\(key.method.name)\",route=\"\(route)\",status=\"\(key.status)\""
  }
}
