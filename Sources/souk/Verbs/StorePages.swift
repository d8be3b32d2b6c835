// souk store pages, page: the record store's file, page by page, as it lies there.

import ArgumentParser
import Bytes
import Database
import RecordStore
import Server

struct StorePagesVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pages",
    abstract: "Count the pages of the file by kind, and list them.",
    discussion: """
      Reads the whole file as it lies there, beside a server too and when it is damaged. A page
      that does not prove itself may be one that no tree needs, left by a write that was cut
      short: `souk store check --deep` says whether one does. Exit code 1 when there are any,
      65 when the file as a whole is not sound.

      EXAMPLES
        souk store pages
        souk store pages --from 16 --limit 40
        souk store pages --kind damaged --json
      """)

  @Option(help: "The first page to list.") var from: UInt64 = 0
  @Option(help: "List at most so many.") var limit = 20
  @Option(help: "List only pages of this kind: meta, leaf, branch, empty, data, damaged.")
  var kind: PageReport.Kind?
  @OptionGroup var options: StoreOptions

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit takes a number from 0") }
  }

  func run() throws {
    let files = try StoreFiles(options.data)
    Terminal.progress("reading every page")
    let listing = try files.pages()
    Terminal.endProgress()
    let shown = Array(
      listing.pages.lazy.filter { $0.number >= from && (kind == nil || $0.kind == kind) }
        .prefix(limit))
    options.show(
      .members([
        "pageBytes": .count(listing.pageSize), "pages": .count(listing.pageCount),
        "counts": .object(
          listing.counts.map { JSONValue.Member($0.kind.rawValue, .count($0.pages)) }),
        "metas": .array(files.report.metas.map(\.json)),
        "list": .array(shown.map { $0.json(reveal: false) }),
      ])
    ) { lines(files, listing, shown) }
    if let flaw = files.flawOfRecords(pageCount: listing.pageCount) {
      throw VerbFailure(
        "\(flaw); nothing was changed; `souk store check` lists what is wrong", .corrupt)
    }
    let damaged = listing.damaged.count
    if damaged > 0 {
      throw VerbFailure(
        "\(damaged) of \(listing.pageCount) pages do not prove themselves; `souk store check --deep` "
          + "says whether a tree needs one")
    }
  }

  private func lines(
    _ files: StoreFiles, _ listing: PageListing, _ shown: [PageReport]
  ) -> [String] {
    var metas = TextTable(
      .text("meta block"), .number("sequence"), .number("commit"), .number("pages"), .text("time"))
    for meta in files.report.metas {
      metas.add(
        "\(meta.slot)", meta.isValid ? "\(meta.sequence)" : "-",
        meta.isValid ? "\(meta.lsn)" : "-", meta.isValid ? Terminal.grouped(meta.pageCount) : "-",
        meta.flaw.map { "not valid: \($0)" } ?? "\(meta.time)")
    }
    var kinds = TextTable(.text("kind"), .number("pages"))
    for (kind, pages) in listing.counts { kinds.add(kind.rawValue, Terminal.grouped(pages)) }
    kinds.add("all", Terminal.grouped(listing.pageCount))
    var table = TextTable(
      .number("page"), .text("kind"), .number("level"), .number("cells"), .number("full"),
      .text("tree"))
    for page in shown {
      let isTree = page.kind == .leaf || page.kind == .branch
      table.add(
        "\(page.number)", page.kind.rawValue, isTree ? "\(page.level)" : "",
        isTree ? "\(page.cellCount)" : "",
        isTree ? "\(page.usedBytes * 100 / max(1, listing.pageSize)) %" : "",
        page.flaw ?? (isTree ? StoreTree(page.tree).name : ""))
    }
    return metas.lines + [""] + kinds.lines + (shown.isEmpty ? [] : [""] + table.lines)
  }
}

extension PageReport.Kind: ExpressibleByArgument {}

struct StorePageVerb: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page", abstract: "Print one page with its cells.",
    discussion: """
      EXAMPLES
        souk store page 16
        souk store page 16 --json
      """)

  @Argument(help: "The number of the page, from 0.") var number: UInt64
  @Flag(help: "Print secrets too.") var reveal = false
  @OptionGroup var options: StoreOptions

  func run() throws {
    let files = try StoreFiles(options.data)
    let page = try files.page(number)
    // A page holds both meta blocks, or one of them when it is small.
    let pageSize = UInt64(files.inspector.pageSize)
    let metas = files.report.metas.filter {
      MetaReport.range(slot: $0.slot).offset / pageSize == number
    }
    options.show(metas.isEmpty ? page.json(reveal: reveal) : .array(metas.map(\.json))) {
      metas.isEmpty ? lines(page) : metas.flatMap(\.lines)
    }
    if let flaw = page.flaw ?? metas.lazy.compactMap(\.flaw).first {
      throw VerbFailure("page \(number) of \(options.data)/records.souk is damaged: \(flaw)")
    }
  }

  private func lines(_ page: PageReport) -> [String] {
    var lines = [
      "page \(page.number)  \(page.flaw.map { "damaged: \($0)" } ?? page.kind.rawValue)",
      "  hash     \(page.hash.hexadecimal)",
    ]
    guard page.kind == .leaf || page.kind == .branch else { return lines }
    let tree = StoreTree(page.tree)
    lines += [
      "  tree     \(tree.name) (\(page.tree)), level \(page.level)",
      "  used     \(Terminal.grouped(page.usedBytes)) bytes, \(page.cellCount) cells, keys share "
        + "\(page.prefixBytes) bytes",
      "",
    ]
    var table = TextTable(
      .number("cell"), .text(page.kind == .leaf ? "key" : "keys from"),
      .text(page.kind == .leaf ? "value" : "child"))
    for (index, cell) in page.cells.enumerated() {
      let extents = cell.extents.map { "page \($0.firstPage) (\($0.byteCount) bytes)" }
      let value = "\(cell.valueBytes) bytes"
      let place = extents.isEmpty ? "" : " in " + extents.joined(separator: ", ")
      table.add(
        "\(index)", cell.keyText(tree, reveal: reveal, isFirstOfBranch: page.kind == .branch),
        cell.child.map { "page \($0.number), hash \($0.hash.hexadecimal)" } ?? value + place)
    }
    return lines + table.lines
  }
}

extension PageReport {
  func json(reveal: Bool) -> JSONValue {
    let isTree = kind == .leaf || kind == .branch
    let tree = StoreTree(tree)
    return .members([
      "page": .count(number), "kind": .string(kind.rawValue), "flaw": flaw.map(JSONValue.string),
      "hash": .string(hash.hexadecimal), "tree": isTree ? .string(tree.name) : nil,
      "level": isTree ? .count(level) : nil, "cellCount": isTree ? .count(cellCount) : nil,
      "prefixBytes": isTree ? .count(prefixBytes) : nil,
      "usedBytes": isTree ? .count(usedBytes) : nil,
      "cells": cells.isEmpty ? nil : .array(cells.map { $0.json(tree, reveal: reveal) }),
    ])
  }
}

extension PageReport.Cell {
  fileprivate func keyText(_ tree: StoreTree, reveal: Bool, isFirstOfBranch: Bool = false) -> String
  {
    key.isEmpty && isFirstOfBranch ? "the beginning" : tree.text(ofKey: key, reveal: reveal)
  }

  fileprivate func json(_ tree: StoreTree, reveal: Bool) -> JSONValue {
    .members([
      "key": .string(keyText(tree, reveal: reveal)),
      "valueBytes": child == nil ? .count(valueBytes) : nil,
      "extents": extents.isEmpty
        ? nil
        : .array(
          extents.map {
            .members([
              "firstPage": .count($0.firstPage), "bytes": .count($0.byteCount),
              "hash": .string($0.hash.hexadecimal),
            ])
          }),
      "child": child.map {
        .members(["page": .count($0.number), "hash": .string($0.hash.hexadecimal)])
      },
    ])
  }
}

extension MetaReport {
  var json: JSONValue {
    guard isValid else {
      return .members(["slot": .count(slot), "flaw": .string(flaw ?? "")])
    }
    return .members([
      "slot": .count(slot), "databaseId": databaseID.map { .string($0.description) },
      "pageBytes": .count(pageSize), "sequence": .count(sequence), "commit": .count(lsn),
      "time": .string(time.description), "pages": .count(pageCount),
      "catalogPage": .count(catalog.number), "catalogHash": .string(catalog.hash.hexadecimal),
      "freeMapPage": .count(freeMap.firstPage), "freeMapBytes": .count(freeMap.byteCount),
    ])
  }

  fileprivate var lines: [String] {
    guard isValid else { return ["meta block \(slot)  not valid: \(flaw ?? "")"] }
    return [
      "meta block \(slot)",
      "  database  \(databaseID?.description ?? "-")",
      "  sequence  \(sequence), of two the higher one counts",
      "  commit    \(lsn), \(time)",
      "  pages     \(Terminal.grouped(pageCount)) of \(pageSize) bytes",
      "  catalog   page \(catalog.number), hash \(catalog.hash.hexadecimal)",
      "  free map  page \(freeMap.firstPage), \(freeMap.byteCount) bytes",
    ]
  }
}

extension UInt64 {
  /// 16 digits.
  var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
