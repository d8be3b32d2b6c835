// SearchWorkload: what `souk bench search` measures, in one process over one folder of
// Benchmarks/search/generate: how fast an index is made, how large it is, what each class of queries
// takes on one thread, and what a changed price costs. The peers' programs in Benchmarks/search take the
// same files, make the same passes and print the same line; a change here is a change there.

import Bytes
import CommitLog
import Disk
import Glibc
import Server
import TextSearch
import Views

struct SearchWorkload {
  /// In the order of the report.
  static let classes = ["plain", "market", "fuzzy", "complete"]

  struct Measure: Fields {
    var name = ""
    var value = 0.0

    init() {}
    init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "value", &value)
    }
  }

  /// What an engine prints.
  struct Line: Fields {
    var engine = ""
    var version = ""
    var measures: [Measure] = []

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "engine", &engine)
      try visitor.field(2, "version", &version)
      try visitor.field(3, "measures", &measures)
    }
  }

  static let schema = TextSchema(
    fields: [.init("title", boost: 3), .init("category", boost: 2), .init("description")],
    columns: [
      .init("price", .assigned), .init("stock", .assigned), .init("rating", .document),
      .init("popularity", .document),
    ], keywords: ["brand", "category"])

  let folder: String
  let passes: Int
  /// The clock of the queries.
  var clock = CLOCK_MONOTONIC
  private(set) var measures: [Measure] = []

  init(folder: String, passes: Int) { (self.folder, self.passes) = (folder, passes) }

  mutating func run(_ wanted: [String] = classes) throws {
    let rows = try Self.lines(folder + "/products.tsv")
    let queries = try Self.lines(folder + "/queries.tsv").compactMap { SearchQuery($0) }
    // The generator's files have a line of tabs for each query; a file of real products has texts only.
    let start = now(CLOCK_MONOTONIC)
    let index = TextIndex(schema: Self.schema, tables: [1], projection: SearchProduct.projection)
    try index.rebuild(at: LSN(1)) { body in
      for (number, row) in rows.enumerated() {
        body(1, SearchProduct.key(number).span.bytes, row.span.bytes)
      }
    }
    while index.maintain() {}
    let snapshot = index.textSnapshot()
    let bytes = try writeFiles(index)
    add("index.seconds", (now(CLOCK_MONOTONIC) - start) / 1e6)
    add("index.bytes", Double(bytes) / Double(max(1, rows.count)))
    add("index.memory", Double(snapshot.segmentBytes) / Double(max(1, rows.count)))
    add("index.segments", Double(snapshot.segmentCount))
    for name in wanted where name != "complete" {
      try measure(name, queries.filter { $0.kind == name }) { query in
        let response = try snapshot.search(query.request)
        return (response.hits.count, response.total ?? 0)
      }
    }
    if wanted.contains("complete") { try complete(rows, queries) }
    update(index, rows.count)
    add("memory.bytes", Double(ProcessFigures.peakBytes))
  }

  /// Writes the index's files as a shop does, the cells of the columns included; how many bytes they have.
  private func writeFiles(_ index: TextIndex) throws -> UInt64 {
    let files = ViewFolder(PosixDisk(), path: folder + "/souk")
    defer { try? files.clear() }
    _ = try index.flush(to: files, databaseID: UUIDv7(high: 0x7000, low: 1 << 63))
    return try files.standing().files.reduce(0) { $0 + $1.bytes }
  }

  private mutating func complete(_ rows: [[UInt8]], _ queries: [SearchQuery]) throws {
    let completions = Completions(
      rows.enumerated().compactMap { number, row in
        SearchProduct(row).map {
          CompletionEntry(
            text: $0.title, weight: Int($0.popularity), payload: SearchProduct.key(number))
        }
      })
    try measure("complete", queries.filter { $0.kind == "complete" }) { query in
      (completions.best(query.text).count, 0)
    }
  }

  /// One pass to warm up, then the passes that count.
  private mutating func measure(
    _ name: String, _ queries: [SearchQuery],
    _ body: (SearchQuery) throws -> (hits: Int, matches: Int)
  ) throws {
    guard !queries.isEmpty else { return }
    var micros: [Double] = []
    var sums = (hits: 0, matches: 0)
    for pass in 0...passes {
      for query in queries {
        let start = now(clock)
        let found = try body(query)
        let took = now(clock) - start
        if pass == 0 { sums = (sums.hits + found.hits, sums.matches + found.matches) }
        if pass > 0 { micros.append(took) }
      }
    }
    micros.sort()
    add("\(name).p50", micros[micros.count / 2])
    add("\(name).p99", micros[min(micros.count - 1, micros.count * 99 / 100)])
    add("\(name).rate", Double(micros.count) * 1e6 / max(1, micros.reduce(0, +)))
    add("\(name).hits", Double(sums.hits))
    add("\(name).matches", Double(sums.matches))
  }

  /// Prices change in commits of a hundred; then one by one, each followed by a snapshot.
  private mutating func update(_ index: TextIndex, _ count: Int) {
    func change(_ number: Int, _ price: Int64) -> Operation {
      .put(
        table: 1, key: SearchProduct.key(number), value: SearchProduct.priceRow(price),
        before: nil)
    }
    let each = 100
    let commits = 1_000
    var lsn: UInt64 = 2
    let entries = (0..<commits).map { commit in
      defer { lsn += 1 }
      return LogEntry(
        lsn: LSN(lsn), time: Timestamp(microseconds: 0),
        operations: (0..<each).map { change((commit * 7919 + $0 * 104_729) % count, Int64(commit)) }
      )
    }
    let start = now(clock)
    for entry in entries { index.apply(entry) }
    add("update.micros", (now(clock) - start) / Double(each * commits))
  }

  private mutating func add(_ name: String, _ value: Double) {
    measures.append(Measure(name, value))
  }

  /// In microseconds.
  private func now(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
  }

  static func lines(_ path: String) throws -> [[UInt8]] {
    let file = try PosixDisk().open(path, mode: .readOnly)
    defer { file.close() }
    var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
    _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return bytes.split(separator: UInt8(ascii: "\n")).map(Array.init)
  }
}

/// A line of products.tsv.
struct SearchProduct {
  var title: String
  var description: String
  var category: String
  var brand: String
  var price: Int64
  var stock: Int64
  var rating: Int64
  var popularity: Int64
  var place: GeoPoint?

  init?(_ line: some Collection<UInt8>) {
    let parts = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
    guard parts.count == 11 else { return nil }
    func text(_ part: Int) -> String { String(decoding: parts[part], as: UTF8.self) }
    func number(_ part: Int) -> Int64 { Int64(text(part)) ?? 0 }
    (title, description, category, brand) = (text(1), text(2), text(3), text(4))
    (price, stock, rating, popularity) = (number(5), number(6), number(7), number(8))
    place = SearchQuery.place(text(9), text(10))
  }

  static func key(_ number: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: number).bigEndian) { Array($0) }
  }

  /// A row that changes the price only: four bytes of tabs cannot be one.
  static func priceRow(_ price: Int64) -> [UInt8] {
    withUnsafeBytes(of: price.bigEndian) { Array($0) }
  }

  static let projection: TextProjection = { change in
    var ordinal: UInt32 = 0
    for byte in change.key { ordinal = ordinal << 8 | UInt32(byte) }
    guard let row = change.after else { return [.remove(ordinal: ordinal)] }
    guard row.count != 8 else {
      let price = row.reduce(Int64(0)) { $0 << 8 | Int64($1) }
      return [.set(ordinal: ordinal, column: "price", value: price)]
    }
    guard let product = SearchProduct(row) else { return [] }
    let document = TextDocument(
      key: change.key,
      texts: [
        "title": product.title, "category": product.category, "description": product.description,
      ], keywords: ["brand": [product.brand], "category": [product.category]],
      numbers: ["rating": product.rating, "popularity": product.popularity],
      location: product.place)
    return [
      .put(ordinal: ordinal, document: document),
      .set(ordinal: ordinal, column: "price", value: product.price),
      .set(ordinal: ordinal, column: "stock", value: product.stock),
    ]
  }
}

/// A line of queries.tsv.
struct SearchQuery {
  var kind: String
  var text: String
  var prices: ClosedRange<Int64>?
  var origin: GeoPoint?
  var metres = 0.0
  var isByPrice = false

  init?(_ line: some Collection<UInt8>) {
    let parts = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard parts.count == 8 else { return nil }
    (kind, text, isByPrice) = (parts[0], parts[1], parts[7] == "price")
    if let low = Int64(parts[2]), let high = Int64(parts[3]), low <= high { prices = low...high }
    origin = Self.place(parts[4], parts[5])
    metres = Double(parts[6]) ?? 0
  }

  static func place(_ latitude: String, _ longitude: String) -> GeoPoint? {
    guard let latitude = Double(latitude), let longitude = Double(longitude) else { return nil }
    return GeoPoint(degreesLatitude: latitude, degreesLongitude: longitude)
  }

  /// Ten hits of a text over three fields; of the marketplace's query also the exact number of matches
  /// and two facets.
  var request: TextRequest {
    let fields = SearchWorkload.schema.fields.map {
      TextMultiMatch.Field($0.name, boost: $0.boost)
    }
    var match = TextMultiMatch(fields, text)
    guard kind != "plain", let prices, let origin else {
      var request = TextRequest(.multiMatch(match), limit: 10)
      request.countsTotal = false
      return request
    }
    if kind == "fuzzy" { match.fuzziness = .auto }
    var bool = TextBool()
    bool.must = [.multiMatch(match)]
    bool.filter = [
      .range(column: "price", from: prices.lowerBound, to: prices.upperBound),
      .range(column: "stock", from: 1, to: nil), .withinDistance(of: origin, metres: metres),
    ]
    var request = TextRequest(.bool(bool), limit: 10)
    if isByPrice { request.sort = [.column("price", descending: false)] }
    request.aggregations = [
      TextAggregation("brand", .terms(column: "brand", size: 10)),
      TextAggregation("category", .terms(column: "category", size: 10)),
    ]
    return request
  }
}
