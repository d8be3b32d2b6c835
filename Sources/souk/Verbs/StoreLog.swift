// souk store log list, show, verify: the commit log's files, as they lie there.

import ArgumentParser
import Bytes
import CommitLog
import Server

struct StoreLogVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Look into the commit log, and prove it.",
    discussion: """
      Reads the files as they lie there, beside a server too and when they are damaged; then
      what can be read is printed, and the exit code is 65.

      EXAMPLES
        souk store log list
        souk store log show --from 1200 --limit 3
        souk store log verify
      """,
    subcommands: [StoreLogListVerb.self, StoreLogShowVerb.self, StoreLogVerifyVerb.self])

  /// The one sentence behind what could be read.
  static func failure(_ findings: [String], in data: String) -> VerbFailure? {
    guard let first = findings.first else { return nil }
    let more = findings.count == 1 ? "" : " (and \(findings.count - 1) more)"
    return VerbFailure(
      "the log of \(data) is damaged: \(first)\(more); nothing was changed; `souk store salvage --to "
        + "FOLDER` saves what can be read, `souk store restore` brings a backup back", .corrupt)
  }
}

struct StoreLogListVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the segments: commits, sizes, state.",
    discussion: """
      EXAMPLES
        souk store log list
        souk store log list --json
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    let infos = try StoreFiles(options.data).readLog { try $0.list() }
    options.show(.members(["files": .array(infos.map(\.json))])) {
      var table = TextTable(
        .text("file"), .text("state"), .number("first"), .number("last"), .number("frames"),
        .number("used"), .number("size"), .text("begun"))
      for info in infos {
        let hasCommits = (info.lastLSN ?? .zero) >= (info.firstLSN ?? .zero)
        table.add(
          info.name, info.state, info.firstLSN?.description ?? "-",
          hasCommits ? info.lastLSN?.description ?? "-" : "-",
          info.kind == .segment ? Terminal.grouped(info.frames) : "-",
          info.kind == .segment ? Terminal.size(UInt64(info.usedBytes)) : "-",
          Terminal.size(info.bytes), info.header?.created.description ?? "-")
      }
      return table.lines
    }
    let damaged = infos.filter { $0.headerState != .sound }.map { "\($0.name) is \($0.state)" }
    if let failure = StoreLogVerb.failure(damaged, in: options.data) { throw failure }
  }
}

extension LogFileInfo {
  fileprivate var state: String {
    switch (kind, headerState) {
    case (.spare, _): "spare"
    case (.unfinished, _): "spare being made"
    case (.segment, .damaged): "damaged"
    case (.segment, .foreign): "of another database"
    case (.segment, .newerFormat(let version)): "of newer format \(version)"
    case (.segment, .sound): isSealed ? "sealed" : "open"
    }
  }

  fileprivate var json: JSONValue {
    let isSegment = kind == .segment
    return .members([
      "file": .string(name), "state": .string(state), "bytes": .count(bytes),
      "firstCommit": firstLSN.map { .count($0.rawValue) },
      "lastCommit": lastLSN.map { .count($0.rawValue) },
      "frames": isSegment ? .count(frames) : nil, "usedBytes": isSegment ? .count(usedBytes) : nil,
      "epoch": header.map { .count($0.epoch) },
      "created": header.map { .string($0.created.description) },
      "databaseId": header.map { .string($0.databaseID.description) },
    ])
  }
}

struct StoreLogShowVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print commits and what they changed.",
    discussion: """
      EXAMPLES
        souk store log show
        souk store log show --from 1200 --limit 3 --values
        souk store log show --json
      """)

  @Option(help: "The first commit.") var from: UInt64 = 1
  @Option(help: "At most so many commits.") var limit = 20
  @Flag(help: "Print the records too.") var values = false
  @Flag(help: "Print secrets too.") var reveal = false
  @OptionGroup var options: StoreOptions

  func validate() throws {
    guard (1...1_000_000).contains(limit) else {
      throw ValidationError("--limit takes a number from 1 to 1000000")
    }
  }

  func run() throws {
    var commits: [LogEntry] = []
    var findings: [String] = []
    var hasMore = false
    try StoreFiles(options.data).readLog { log in
      try log.walk(from: LSN(from)) { item in
        switch item {
        case .entry(let entry):
          hasMore = commits.count == limit
          if !hasMore { commits.append(entry) }
        case .finding(let finding): findings.append("\(finding)")
        case .file, .frame, .tail: break
        }
        return !hasMore
      }
    }
    options.show(
      .members([
        "commits": .array(commits.map(json)), "hasMore": .bool(hasMore),
        "findings": .array(findings.map(JSONValue.string)),
      ])
    ) {
      commits.flatMap(lines) + (commits.isEmpty ? ["no commits from \(from) on"] : [])
        + (hasMore ? ["… and more: --limit \(limit) ended it"] : [])
    }
    if let failure = StoreLogVerb.failure(findings, in: options.data) { throw failure }
  }

  private func lines(_ entry: LogEntry) -> [String] {
    let request = entry.requestID == .zero ? "" : "  request \(entry.requestID)"
    return ["commit \(entry.lsn)  \(entry.time)\(request)"]
      + entry.operations.map { operation in
        switch operation {
        case .put(let table, let key, let value, _):
          let row = StoreTree(table << 8).entry(key: key, value: value, reveal: reveal)
          return "  put     \(StoreTree(table << 8).name) \(row.key)  "
            + (values ? row.text : "(\(value.count) bytes)")
        case .delete(let table, let key, _):
          let tree = StoreTree(table << 8)
          return "  delete  \(tree.name) \(tree.text(ofKey: key, reveal: reveal))"
        case .event(let stream, let payload):
          return "  event   stream \(stream)  (\(payload.count) bytes)"
        }
      }
  }

  private func json(_ entry: LogEntry) -> JSONValue {
    .members([
      "commit": .count(entry.lsn.rawValue), "time": .string(entry.time.description),
      "requestId": entry.requestID == .zero ? nil : .string(entry.requestID.description),
      "operations": .array(entry.operations.map(json)),
    ])
  }

  private func json(_ operation: Operation) -> JSONValue {
    switch operation {
    case .put(let table, let key, let value, _):
      let row = StoreTree(table << 8).entry(key: key, value: value, reveal: reveal)
      return .members([
        "kind": .string("put"), "table": .string(StoreTree(table << 8).name),
        "key": .string(row.key), "valueBytes": .count(value.count),
        "value": values ? row.value?.value : nil,
        "valueHex": values ? row.valueHex.map(JSONValue.string) : nil,
      ])
    case .delete(let table, let key, _):
      let tree = StoreTree(table << 8)
      return .members([
        "kind": .string("delete"), "table": .string(tree.name),
        "key": .string(tree.text(ofKey: key, reveal: reveal)),
      ])
    case .event(let stream, let payload):
      return .members([
        "kind": .string("event"), "stream": .count(stream), "bytes": .count(payload.count),
      ])
    }
  }
}

struct StoreLogVerifyVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove the log: headers, hashes, chain, order, and every commit.",
    discussion: """
      EXAMPLES
        souk store log verify
        souk store log verify --json
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    let files = try StoreFiles(options.data)
    Terminal.progress("reading the whole log")
    let result = try files.readLog { try $0.verify() }
    Terminal.endProgress()
    let findings = result.findings.map(\.description)
    options.show(
      .members([
        "sound": .bool(result.isSound), "segments": .count(result.segments),
        "bytes": .count(result.bytes), "frames": .count(result.frames),
        "commits": .count(result.entries), "operations": .count(result.operations),
        "firstCommit": result.oldestLSN.map { .count($0.rawValue) },
        "nextCommit": result.tail.map { .count($0.nextLSN.rawValue) },
        "tail": result.tail.map { .string($0.decision.words) },
        "tornBytes": result.tail.map { .count($0.tornBytes) },
        "findings": .array(findings.map(JSONValue.string)),
      ])
    ) {
      let verdict = findings.isEmpty ? "sound" : Terminal.count(findings.count, "finding")
      var lines = findings.map { "finding: \($0)" }
      lines.append(
        "\(verdict): \(Terminal.count(result.entries, "commit")) with "
          + "\(Terminal.count(result.operations, "change")), in "
          + "\(Terminal.count(result.frames, "frame")) and "
          + "\(Terminal.count(result.segments, "segment")) (\(Terminal.size(result.bytes)))")
      if let tail = result.tail {
        lines.append("  the next commit is \(tail.nextLSN); the end: \(tail.decision.words)")
        if tail.tornBytes > 0 {
          lines.append("  \(tail.tornBytes) bytes of a write that was never answered stand there")
        }
      }
      return lines
    }
    if let failure = StoreLogVerb.failure(findings, in: options.data) { throw failure }
  }
}

extension LogRecoveryReport.Decision {
  fileprivate var words: String {
    switch self {
    case .wentOn: "nothing was under way"
    case .startedAfterSeal: "sealed; the next segment follows"
    case .sealedOff: "a write was under way; the next opening seals it off"
    case .replaced: "an empty segment; the next opening replaces it"
    }
  }
}
