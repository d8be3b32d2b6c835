// StoreBenchReport: the figures of `souk bench store`, as JSON and as tables.

import Bytes

struct StoreBenchReport: Fields {
  var rounds: Int64 = 0
  var seconds = 0.0
  var keys: Int64 = 0
  var preload: Int64 = 0
  var skipped: [String] = []
  var figures: [Figure] = []

  mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "rounds", &rounds)
    try visitor.field(2, "seconds", &seconds)
    try visitor.field(3, "keys", &keys)
    try visitor.field(4, "preload", &preload)
    try visitor.field(5, "skipped", &skipped)
    try visitor.field(6, "figures", &figures)
  }

  /// One measure of one engine, over the rounds.
  struct Figure: Fields {
    var step = ""
    var engine = ""
    var version = ""
    var measure = ""
    var values: [Double] = []

    mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "step", &step)
      try visitor.field(2, "engine", &engine)
      try visitor.field(3, "version", &version)
      try visitor.field(4, "measure", &measure)
      try visitor.field(5, "values", &values)
    }
  }

  mutating func add(
    _ step: String, _ engine: String, _ version: String, _ measure: StoreWorkload.Measure
  ) {
    if let index = figures.firstIndex(where: {
      $0.step == step && $0.engine == engine && $0.measure == measure.name
    }) {
      figures[index].values.append(measure.value)
      return
    }
    var figure = Figure()
    figure.step = step
    figure.engine = engine
    figure.version = version
    figure.measure = measure.name
    figure.values = [measure.value]
    figures.append(figure)
  }

  func values(_ step: String, _ engine: String, _ measure: String) -> [Double] {
    figures.first { $0.step == step && $0.engine == engine && $0.measure == measure }?.values ?? []
  }

  // MARK: For people

  private struct Column {
    var title: String
    var measure: String

    init(_ title: String, _ measure: String) {
      self.title = title
      self.measure = measure
    }
  }

  /// What a step is called and which measures it shows; the first with its range.
  private func description(_ step: String) -> (title: String, columns: [Column]) {
    let (keys, preload) = (Terminal.grouped(Int(keys)), Terminal.grouped(Int(preload)))
    switch step {
    case "load":
      return (
        "bulk load of \(keys) rows in key order, durable at its end",
        [
          Column("rows/s", "recordsPerSecond"), Column("and closed", "recordsPerSecondClosed"),
          Column("folder/live", "folderOverLive"),
        ]
      )
    case "open":
      return ("open a clean store of \(keys) rows and get one", [Column("ms", "openMillis")])
    case "get":
      return (
        "point gets, random, warm, of \(keys) rows; floor: one dependent read of memory",
        [Column("ns a get", "nanosPerGet")]
      )
    case "scan":
      return ("scan of \(keys) rows in key order", [Column("rows/s", "recordsPerSecond")])
    case "memory":
      let cache = StoreBench.memoryCacheBytes >> 20
      return (
        "memory under reads and writes over \(keys) rows with a cache of \(cache) MiB",
        [
          Column("peak MiB", "peakMiB"), Column("peak/cache", "peakOverCache"),
          Column("without program", "privateOverCache"), Column("gets/s", "getsPerSecond"),
        ]
      )
    case "recovery":
      return (
        "open after a kill, with rows at random keys in the log",
        [
          Column("ms", "recoveryMillis"), Column("rows/s", "rowsPerSecond"),
          Column("rows", "rows"), Column("log MiB", "logMiB"),
        ]
      )
    case "space":
      return (
        "space after 100 rounds, each overwriting a twentieth of the rows, at random",
        [
          Column("folder/live", "folderOverLive"), Column("file/live", "fileOverLive"),
          Column("compacted/live", "compactedOverLive"),
        ]
      )
    case "free-pages", "checkpoint": return Self.latencies(step)
    default:
      let words = step.split(separator: "-")
      let clients = words.count > 1 ? "\(words[1])" : "?"
      return (
        "durable commits of ten rows, \(clients == "1" ? "one client" : "\(clients) clients"), "
          + "\(words.last ?? "") keys, over \(preload) rows; floor: 4 KiB and fdatasync",
        [
          Column("commits/s", "commitsPerSecond"), Column("p50 µs", "p50Micros"),
          Column("p99 µs", "p99Micros"), Column("bytes each", "bytesPerCommit"),
          Column("and closed", "bytesPerCommitClosed"), Column("CPU µs each", "cpuMicrosPerCommit"),
        ]
      )
    }
  }

  /// What commits wait for: steps that have souk's figures only.
  private static func latencies(_ step: String) -> (title: String, columns: [Column]) {
    if step == "free-pages" {
      return (
        "durable commits of ten rows at random keys, with no free pages and with many",
        [
          Column("p50 over none", "p50OverNone"), Column("p50 µs, none", "p50MicrosNone"),
          Column("many", "p50MicrosMany"), Column("p99 µs, none", "p99MicrosNone"),
          Column("many", "p99MicrosMany"), Column("free pages, none", "freePagesNone"),
          Column("many", "freePagesMany"),
        ]
      )
    }
    return (
      "the same beside checkpoints and between them, with readers that are always there",
      [
        Column("p99 over between", "p99OverOutside"),
        Column("p99 µs, between", "p99MicrosOutside"),
        Column("beside", "p99MicrosBeside"), Column("p50 µs, between", "p50MicrosOutside"),
        Column("beside", "p50MicrosBeside"), Column("checkpoints", "checkpoints"),
        Column("log MiB", "logMiB"),
      ]
    )
  }

  var table: String {
    var lines = ["medians of \(rounds) rounds (min-max); rows of 16 + 200 bytes"]
    var seen: [String] = []
    for figure in figures where !seen.contains(figure.step) { seen.append(figure.step) }
    for step in seen { lines += ["", description(step).title] + self.lines(of: step) }
    if !skipped.isEmpty {
      lines += ["", "not there and skipped: " + skipped.joined(separator: ", ")]
    }
    return lines.joined(separator: "\n")
  }

  private func lines(of step: String) -> [String] {
    let columns = description(step).columns
    var rows = [[""] + columns.map(\.title)]
    var seen: [String] = []
    for figure in figures where figure.step == step && !seen.contains(figure.engine) {
      seen.append(figure.engine)
      let name = figure.version.isEmpty ? figure.engine : "\(figure.engine) \(figure.version)"
      rows.append(
        [name]
          + columns.enumerated().map { index, column in
            cell(values(step, figure.engine, column.measure), withRange: index == 0)
          })
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      "  "
        + row.enumerated().map { index, text in
          let padding = String(repeating: " ", count: widths[index] - text.count)
          return index == 0 ? text + padding : padding + text
        }.joined(separator: "  ")
    }
  }

  private func cell(_ values: [Double], withRange: Bool) -> String {
    guard let least = values.min(), let most = values.max() else { return "-" }
    let middle = Self.text(median(values))
    guard withRange, values.count > 1 else { return middle }
    return "\(middle) (\(Self.text(least))-\(Self.text(most)))"
  }

  /// Whole numbers from a hundred on, two decimals below.
  private static func text(_ value: Double) -> String {
    guard value < 100 else { return Terminal.grouped(Int(value.rounded())) }
    let hundredths = Int((value * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}
