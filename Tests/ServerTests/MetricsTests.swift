// The metrics against a strict reader of the Prometheus text format 0.0.4, and against what was done.

import Bytes
import Testing

@testable import Server

/// One line of the format: `name{label="value",…} number`.
private struct Sample {
  var name: String
  var labels: [String: String] = [:]
  var value: Double
}

private struct FormatError: Error, CustomStringConvertible {
  var description: String
}

/// Reads the format and refuses what Prometheus would: a sample before its TYPE, a family in two
/// places, a series twice, a histogram whose buckets fall.
private struct PrometheusReader {
  private(set) var types: [String: String] = [:]
  private(set) var samples: [Sample] = []

  init(_ text: String) throws {
    guard text.utf8.last == UInt8(ascii: "\n") else {
      throw FormatError(description: "no last line end")
    }
    var current = ""
    var seen: Set<String> = []
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 3).map(String.init)
      if words[0] == "#" {
        guard words.count == 4, words[1] == "HELP" || words[1] == "TYPE" else {
          throw FormatError(description: "comment: \(line)")
        }
        if words[1] == "HELP" {
          guard seen.insert("HELP \(words[2])").inserted else {
            throw FormatError(description: "a family in two places: \(words[2])")
          }
          current = words[2]
        } else {
          guard current == words[2], types.updateValue(words[3], forKey: current) == nil,
            ["counter", "gauge", "histogram"].contains(words[3])
          else { throw FormatError(description: "type: \(line)") }
        }
        continue
      }
      let sample = try Self.sample(line)
      let family = types[current] == "histogram" ? Self.family(sample.name) : sample.name
      guard family == current, types[current] != nil else {
        throw FormatError(description: "outside of its family: \(line)")
      }
      let series = sample.name + sample.labels.sorted { $0.key < $1.key }.map { "\($0)" }.joined()
      guard seen.insert(series).inserted else { throw FormatError(description: "twice: \(line)") }
      samples.append(sample)
    }
    try checkHistograms()
  }

  private static func family(_ name: String) -> String {
    for end in ["_bucket", "_sum", "_count"] where name.hasSuffix(end) {
      return String(name.dropLast(end.count))
    }
    return name
  }

  private static func sample(_ line: Substring) throws -> Sample {
    let failure = FormatError(description: "sample: \(line)")
    guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...])
    else { throw failure }
    let series = line[..<space]
    let name = series.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    guard let first = name.first, !first.isNumber else { throw failure }
    var sample = Sample(name: String(name), value: value)
    var rest = series.dropFirst(name.count)
    guard !rest.isEmpty else { return sample }
    guard rest.hasPrefix("{"), rest.hasSuffix("}") else { throw failure }
    rest = rest.dropFirst().dropLast()
    for part in rest.split(separator: ",") {
      let halves = part.split(separator: "=", maxSplits: 1)
      guard halves.count == 2, halves[1].hasPrefix("\""), halves[1].hasSuffix("\"") else {
        throw failure
      }
      sample.labels[String(halves[0])] = String(halves[1].dropFirst().dropLast())
    }
    return sample
  }

  private func checkHistograms() throws {
    var buckets: [[String: String]: [(bound: Double, count: Double)]] = [:]
    for sample in samples where sample.name.hasSuffix("_bucket") {
      var labels = sample.labels
      guard let text = labels.removeValue(forKey: "le"),
        let bound = text == "+Inf" ? .infinity : Double(text)
      else { throw FormatError(description: "no bound: \(sample)") }
      if let last = buckets[labels]?.last, last.bound >= bound || last.count > sample.value {
        throw FormatError(description: "buckets fall: \(sample)")
      }
      buckets[labels, default: []].append((bound, sample.value))
    }
    for (labels, all) in buckets {
      let count = samples.first { $0.name.hasSuffix("_count") && $0.labels == labels }?.value
      guard all.last?.bound == .infinity, all.last?.count == count else {
        throw FormatError(description: "the last bucket is not the count: \(labels)")
      }
    }
  }

  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { $0.name == name && $0.labels == labels }?.value
  }
}

@Suite(.serialized) struct MetricsTests {
  @Test func theTextIsWhatPrometheusReadsAndCountsWhatWasDone() throws {
    let shop = try TestShop()
    defer { shop.stop() }
    let client = try shop.client()
    for _ in 0..<3 { _ = try client.get("/products/1") }
    _ = try client.get("/products/2")
    _ = try client.get("/nowhere")
    let reader = try PrometheusReader(try client.get("/metrics").text)
    let labels = ["method": "GET", "route": "/products/{id}", "status": "200"]
    #expect(reader.types["http_requests_total"] == "counter")
    #expect(reader.types["http_request_duration_seconds"] == "histogram")
    #expect(reader.types["active_connections"] == "gauge")
    #expect(reader.value("http_requests_total", labels) == 4)
    #expect(reader.value("http_request_duration_seconds_count", labels) == 4)
    #expect(
      reader.value(
        "http_requests_total", ["method": "GET", "route": "unmatched", "status": "404"]) == 1)
    #expect(reader.value("active_connections") == 1)
    #expect(reader.value("souk_http_connections_total") == 1)
    #expect((reader.value("souk_http_sent_bytes_total") ?? 0) > 1000)
    // The platform's own bounds are among ours.
    for bound in ["0.1", "0.5", "1", "2", "5"] {
      var bucket = labels
      bucket["le"] = bound
      #expect(reader.value("http_request_duration_seconds_bucket", bucket) != nil, "\(bound)")
    }
  }

  @Test func theReaderRefusesWhatPrometheusWould() {
    let head = "# HELP a A.\n# TYPE a counter\n"
    #expect(throws: Never.self) { try PrometheusReader(head + "a 1\na{b=\"c\"} 2\n") }
    let bad = [
      "a 1\n", head + "b 1\n", head + "a 1\na 2\n", head + "a 1", head + "a x\n", head + head,
      head + "a{b=c} 1\n", "# HELP a A.\n# TYPE a sum\na 1\n",
      "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n",
    ]
    for text in bad { #expect(throws: FormatError.self, "\(text)") { try PrometheusReader(text) } }
  }

  @Test func theEnginesTellTheirNumbers() throws {
    let shop = try LiveShop()
    let text = try TestClient(port: shop.port).get("/metrics").text
    try shop.stop()
    let reader = try PrometheusReader(text)
    for name in [
      "souk_commit_lsn", "souk_log_durable_lsn", "souk_log_oldest_lsn", "souk_log_retained_bytes",
      "souk_checkpoint_lsn", "souk_store_pages", "souk_store_dirty_pages", "souk_cache_frames",
      "souk_cache_misses_total", "souk_write_queue_length", "souk_pool_queue_length",
      "souk_password_queue_length", "souk_writes_refused", "process_cpu_seconds_total",
    ] { #expect(reader.value(name) != nil, "\(name)") }
    let durable = reader.value("souk_log_durable_lsn") ?? 0
    #expect(durable >= reader.value("souk_commit_lsn") ?? .infinity)
  }
}
