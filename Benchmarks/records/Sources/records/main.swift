// records: what one record costs to write and to read, by the visitor and by its rivals.
//
// Times are CPU times of the thread, so that a shared machine disturbs them less than a clock would
// be; a figure is the median of rounds that take turns.

import Bytes
import Foundation

struct Contender {
  var name: String
  var run: () throws -> Int
}

func threadMicroseconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

struct Disagreement: Error { var what: String }

func require(_ holds: Bool, _ what: String) throws {
  if !holds { throw Disagreement(what: what) }
}

let item = Item.sample
let document = Document.sample
let stored = FieldBinary.encode(item)
let itemJSON = FieldJSON.encode(item)
let documentBinary = FieldBinary.encode(document)
let documentJSON = FieldJSON.encode(document)
let keyPaths = KeyPathList()
let keyPathBytes = keyPaths.encode(item)
let codableBytes = try BinaryCodableEncoder.encode(item)
let encoder = JSONEncoder()
let decoder = JSONDecoder()
let itemData = Data(itemJSON)
let documentData = Data(documentJSON)

// A contender that got something else would be measured for nothing.
try require(HandUnrolled.encode(item) == stored, "the unrolled bytes")
try require(try HandUnrolled.decode(stored) == item, "the unrolled record")
try require(try FieldBinary.decode(Item.self, from: stored) == item, "the stored record")
try require(try FieldJSON.decode(Item.self, from: itemJSON) == item, "the JSON record")
try require(try FieldJSON.decode(Document.self, from: documentJSON) == document, "the document")
try require(try keyPaths.decode(keyPathBytes) == item, "the key paths")
try require(try BinaryCodableDecoder.decode(codableBytes) == item, "the binary Codable")
try require(try decoder.decode(Item.self, from: itemData) == item, "Foundation's record")
try require(try decoder.decode(Document.self, from: documentData) == document, "its document")
try require(
  try FieldJSON.decode(Item.self, from: Array(encoder.encode(item))) == item, "Foundation's JSON")

let contenders = [
  Contender(name: "record, binary, visitor, encode") { FieldBinary.encode(item).count },
  Contender(name: "record, binary, visitor, decode") {
    try FieldBinary.decode(Item.self, from: stored).title.utf8.count
  },
  Contender(name: "record, binary, hand-unrolled, encode") { HandUnrolled.encode(item).count },
  Contender(name: "record, binary, hand-unrolled, decode") {
    try HandUnrolled.decode(stored).title.utf8.count
  },
  Contender(name: "record, binary, key paths, encode") { keyPaths.encode(item).count },
  Contender(name: "record, binary, key paths, decode") {
    try keyPaths.decode(keyPathBytes).title.utf8.count
  },
  Contender(name: "record, binary, Codable, encode") {
    try BinaryCodableEncoder.encode(item).count
  },
  Contender(name: "record, binary, Codable, decode") {
    try BinaryCodableDecoder.decode(codableBytes).title.utf8.count
  },
  Contender(name: "record, JSON, visitor, encode") { FieldJSON.encode(item).count },
  Contender(name: "record, JSON, visitor, decode") {
    try FieldJSON.decode(Item.self, from: itemJSON).title.utf8.count
  },
  Contender(name: "record, JSON, Foundation, encode") { try encoder.encode(item).count },
  Contender(name: "record, JSON, Foundation, decode") {
    try decoder.decode(Item.self, from: itemData).title.utf8.count
  },
  Contender(name: "document, binary, visitor, encode") { FieldBinary.encode(document).count },
  Contender(name: "document, binary, visitor, decode") {
    try FieldBinary.decode(Document.self, from: documentBinary).versions.count
  },
  Contender(name: "document, JSON, visitor, encode") { FieldJSON.encode(document).count },
  Contender(name: "document, JSON, visitor, decode") {
    try FieldJSON.decode(Document.self, from: documentJSON).versions.count
  },
  Contender(name: "document, JSON, Foundation, encode") { try encoder.encode(document).count },
  Contender(name: "document, JSON, Foundation, decode") {
    try decoder.decode(Document.self, from: documentData).versions.count
  },
]

let only = CommandLine.arguments.dropFirst().first
let chosen = contenders.filter { only == nil || $0.name.contains(only ?? "") }
let rounds = 15
var times: [[Double]] = Array(repeating: [], count: chosen.count)
var sum = 0
for round in 0..<rounds + 1 {
  for (index, contender) in chosen.enumerated() {
    let repetitions = contender.name.contains("Foundation") ? 1000 : 20_000
    let start = threadMicroseconds()
    for _ in 0..<repetitions { sum &+= try contender.run() }
    let time = (threadMicroseconds() - start) / Double(repetitions)
    // The first round warms the caches.
    if round > 0 { times[index].append(time) }
  }
}

print("record: \(stored.count) B binary, \(itemJSON.count) B JSON; ", terminator: "")
print("document: \(documentBinary.count) B binary, \(documentJSON.count) B JSON; check \(sum)")
for (contender, values) in zip(chosen, times) {
  let figures = [median(values), values.min() ?? 0, values.max() ?? 0].map {
    String(format: "%7.2f", $0)
  }
  print("\(figures.joined(separator: " ")) µs  \(contender.name)")
}
