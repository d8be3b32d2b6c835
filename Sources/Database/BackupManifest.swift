// BackupManifest: what a backup says of itself. DataFormats/backup.md is the same in prose.
//
//   MANIFEST   one line of JSON, a line feed, 16 hexadecimal digits: XXH64 of that line, a line feed
//
// It is written last, so that a folder with a valid one is a whole backup.

import Bytes
import CommitLog
import Disk
import RecordStore

public struct BackupManifest: Fields, Equatable, Sendable {
  public struct File: Fields, Equatable, Sendable {
    /// Inside the backup: `records.souk`, `log/00000000000000000001.log`, `secrets/NAME`.
    public var name = ""
    public var bytes: UInt64 = 0
    /// 16 hexadecimal digits: XXH64 over chunks of 1 MiB, each seeded with the hash of the one before.
    public var hash = ""

    public init() {}

    init(name: String, _ proof: FileProof) {
      self.name = name
      bytes = proof.bytes
      hash = hex(proof.hash)
    }

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "bytes", &bytes)
      try visitor.field(3, "hash", &hash)
    }
  }

  public static let fileName = "MANIFEST"
  static let formatVersionNewest: UInt32 = 1
  /// A manifest of more than this is none: it holds a line a file.
  private static let bytesMost: UInt64 = 16 << 20

  public var formatVersion: UInt32 = 1
  public var databaseID = UUIDv7.zero
  public var createdAt = Timestamp.zero
  /// The commit whose state `records.souk` holds: the earliest that can be restored.
  public var recordsLSN: UInt64 = 0
  public var recordsTime = Timestamp.zero
  /// The last commit in the log: the latest that can be restored.
  public var lastLSN: UInt64 = 0
  public var lastTime = Timestamp.zero
  /// The content hash of the records at `recordsLSN`.
  public var recordsHash = ""
  public var files: [File] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "formatVersion", &formatVersion)
    try visitor.field(2, "databaseID", &databaseID)
    try visitor.field(3, "createdAt", &createdAt)
    try visitor.field(4, "recordsLSN", &recordsLSN)
    try visitor.field(5, "recordsTime", &recordsTime)
    try visitor.field(6, "lastLSN", &lastLSN)
    try visitor.field(7, "lastTime", &lastTime)
    try visitor.field(8, "recordsHash", &recordsHash)
    try visitor.field(9, "files", &files)
  }

  /// The commits that can be restored.
  public var range: ClosedRange<LSN> { LSN(recordsLSN)...LSN(max(recordsLSN, lastLSN)) }

  var encoded: [UInt8] {
    let line = FieldJSON.encode(self)
    return line + [10] + Array(hex(XXH64.hash(line)).utf8) + [10]
  }

  /// Reads the manifest of the backup in `folder`; the files are not looked at.
  public static func read(_ folder: String, disk: any Disk) throws(DatabaseError) -> BackupManifest
  {
    func flaw(_ reason: String) -> DatabaseError { .backup(path: folder, reason: reason) }
    let bytes: [UInt8]
    do {
      let path = folder + "/" + fileName
      guard try disk.exists(path) else {
        throw flaw("it has no \(fileName), so it is no backup, or not a whole one")
      }
      let file = try disk.open(path, mode: .readOnly)
      defer { file.close() }
      let size = try file.size()
      guard size <= bytesMost, let all = try file.read(Int(size), at: 0) else {
        throw flaw("its \(fileName) cannot be read")
      }
      bytes = all
    } catch {
      throw DatabaseError(error)
    }
    let line = Array(bytes.prefix { $0 != 10 })
    guard Array(bytes.dropFirst(line.count)) == [10] + Array(hex(XXH64.hash(line)).utf8) + [10]
    else { throw flaw("its \(fileName) is damaged: the checksum does not fit") }
    do {
      let manifest = try FieldJSON.decode(BackupManifest.self, from: line, unknownFields: .ignored)
      guard manifest.formatVersion == formatVersionNewest else {
        throw flaw("its format \(manifest.formatVersion) is newer than this program")
      }
      return manifest
    } catch let error as DatabaseError {
      throw error
    } catch {
      throw flaw("its \(fileName) is not one: \(error)")
    }
  }

  /// Proves that every file is there and is what it was.
  func verify(_ folder: String, disk: any Disk) throws(DatabaseError) {
    for file in files {
      do {
        let handle = try disk.open(folder + "/" + file.name, mode: .readOnly)
        defer { handle.close() }
        let proof = try FileProof(of: handle)
        guard File(name: file.name, proof) == file else {
          throw DatabaseError.backup(
            path: folder,
            reason: "\(file.name) is damaged: \(proof.bytes) bytes with hash \(hex(proof.hash)), "
              + "the MANIFEST says \(file.bytes) and \(file.hash)")
        }
      } catch let error as DiskError {
        throw .backup(path: folder, reason: "\(error)")
      } catch {
        throw DatabaseError(error)
      }
    }
  }
}
