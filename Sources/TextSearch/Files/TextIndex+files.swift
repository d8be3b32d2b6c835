// TextIndex in a folder: one file for each segment, named by its content, one for what changes without
// them, and the manifest that names them all.
//
// 1. A segment that the manifest names already is not written again.
// 2. What is loaded is proved: each file by its hash, its structure by the decoder, and all of it by the
//    digest in the manifest. What does not fit is rebuilt.

import Bytes
import CommitLog
import Disk
import Views

extension TextIndex {
  /// Of the files above; another version is rebuilt.
  static let filesVersion: UInt32 = 1

  /// A hash of all that decides what the files hold, besides the rows.
  var configuration: UInt64 {
    var writer = ByteWriter()
    writer.varint(UInt64(Analyser.version))
    writer.u64(projectionVersion)
    writer.varint(UInt64(schema.fields.count))
    for field in schema.fields {
      writer.string(field.name)
      writer.string(field.analyser.rawValue)
      writer.u8(field.keepsPositions ? 1 : 0)
    }
    writer.varint(UInt64(schema.columns.count))
    for column in schema.columns {
      writer.string(column.name)
      switch column.kind {
      case .document: writer.u8(0)
      case .sum: writer.u8(1)
      case .assigned: writer.u8(2)
      }
    }
    writer.varint(UInt64(schema.keywords.count))
    for name in schema.keywords { writer.string(name) }
    for table in tables { writer.u32(table) }
    return XXH64.hash(writer.bytes)
  }

  private func identity(_ databaseID: UUIDv7) -> Manifest.Identity {
    Manifest.Identity(
      databaseID: databaseID, view: name, version: Self.filesVersion,
      configuration: configuration)
  }

  public func flush(to folder: ViewFolder, databaseID: UUIDv7) throws -> LSN? {
    let state = textSnapshot().state
    let identity = identity(databaseID)
    let before = (try? folder.open(identity))?.files ?? []
    var files: [Manifest.File] = []
    var file = StateFile()
    for view in state.segments {
      let known = fileNames.withLock { $0[view.segment.number] }
      if let known, let named = before.first(where: { $0.name == known }) {
        files.append(named)
      } else {
        let bytes = SegmentFile.encode(view.segment.content)
        let name = "segment-" + Self.hexadecimal(XXH64.hash(bytes, seed: 1))
        if let named = before.first(where: { $0 == Manifest.File(name: name, content: bytes) }) {
          files.append(named)
        } else {
          files.append(try folder.write(name, bytes))
        }
        fileNames.withLock { $0[view.segment.number] = name }
      }
      file.segments.append(
        StateFile.Part(name: files[files.count - 1].name, fallen: view.fallen.sorted()))
    }
    let standing = Set(state.segments.map(\.segment.number))
    fileNames.withLock { names in names = names.filter { standing.contains($0.key) } }
    file.columns = state.columns.map { column in
      var cells: [StateFile.Cell] = []
      column.visit { cells.append(StateFile.Cell(ordinal: $0, value: $1)) }
      return cells
    }
    let bytes = file.encoded()
    let name = "state-\(state.appliedLSN)-" + Self.hexadecimal(XXH64.hash(bytes, seed: 1))
    if let named = before.first(where: { $0 == Manifest.File(name: name, content: bytes) }) {
      files.append(named)
    } else {
      files.append(try folder.write(name, bytes))
    }
    try folder.commit(
      Manifest(identity, appliedLSN: state.appliedLSN, digest: state.digest, files: files))
    return state.appliedLSN
  }

  private static func hexadecimal(_ hash: UInt64) -> String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  public func load(from folder: ViewFolder, databaseID: UUIDv7) throws -> Bool {
    do {
      let manifest = try folder.open(identity(databaseID))
      guard let named = manifest.files.first(where: { $0.name.hasPrefix("state-") }) else {
        return false
      }
      let file = try StateFile.decode(try folder.read(named))
      var segments: [(content: SegmentContent, fallen: [UInt32])] = []
      for part in file.segments {
        guard let entry = manifest.files.first(where: { $0.name == part.name }) else {
          return false
        }
        let content = try SegmentFile.decode(
          try folder.read(entry), fields: schema.fields.map(\.keepsPositions),
          keywords: schema.keywords.count)
        segments.append((content, part.fallen))
      }
      guard
        let state = IndexState(
          schema: schema, at: manifest.appliedLSN, segments: segments, cells: file.columns),
        state.digest == manifest.digest
      else { return false }
      let names = zip(state.segments, file.segments).map { ($0.segment.number, $1.name) }
      fileNames.withLock { $0 = Dictionary(uniqueKeysWithValues: names) }
      install(state)
      return true
    } catch let error as ManifestError {
      if case .disk(let error) = error { throw error }
      return false
    } catch is DecodeError {
      return false
    }
  }
}

extension IndexState {
  /// The state that files hold; nil when they do not fit each other or the schema.
  init?(
    schema: TextSchema, at lsn: LSN, segments: [(content: SegmentContent, fallen: [UInt32])],
    cells: [[StateFile.Cell]]
  ) {
    self.init(schema: schema)
    appliedLSN = lsn
    guard cells.count == columns.count else { return nil }
    for (index, column) in cells.enumerated() {
      for cell in column { columns[index][cell.ordinal] = cell.value }
    }
    for (content, fallen) in segments {
      guard add(content, fallen: fallen) else { return nil }
    }
  }
}
