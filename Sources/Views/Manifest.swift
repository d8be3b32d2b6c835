// Manifest: what a view's files hold and up to where, in one small file (DataFormats/manifest.md). It
// is replaced as a whole, so that position and content are one: never the one without the other.
//
//    0  magic 8: 89 53 56 4D 0D 0A 1A 0A     48  u64 last LSN that the files hold
//    8  u32 version = 1                      56  u64, u64 digest, high and low
//   12  u32 bytes of the manifest            72  view's name: varint length, UTF-8
//   16  database UUID 16                      …  files: name as above, u64 bytes, u64 XXH64, seed 0
//   32  u32 version of the view's files      -8  u64 XXH64 of all before, seed 0
//   36  u32 number of files
//   40  u64 hash of the view's configuration

import Bytes
import CommitLog
import Disk

public struct Manifest: Equatable, Sendable {
  /// Whose files these are. What does not fit is rebuilt, not migrated.
  public struct Identity: Equatable, Sendable {
    public var databaseID: UUIDv7
    /// The view's name, at most 255 bytes.
    public var view: String
    /// Version of the view's own files.
    public var version: UInt32
    /// Hash of all that decides what the files hold: analyzer, dimension, metric.
    public var configuration: UInt64

    public init(databaseID: UUIDv7, view: String, version: UInt32, configuration: UInt64) {
      self.databaseID = databaseID
      self.view = view
      self.version = version
      self.configuration = configuration
    }
  }

  public struct File: Equatable, Sendable {
    public var name: String
    public var bytes: UInt64
    /// XXH64 of the content, seed 0.
    public var hash: UInt64

    public init(name: String, content: [UInt8]) {
      self.init(name: name, bytes: UInt64(content.count), hash: XXH64.hash(content))
    }

    public init(name: String, bytes: UInt64, hash: UInt64) {
      self.name = name
      self.bytes = bytes
      self.hash = hash
    }

    /// By bytes: the order of strings takes some different names for equal.
    func precedes(_ other: File) -> Bool {
      name.utf8.lexicographicallyPrecedes(other.name.utf8)
    }
  }

  public var identity: Identity
  public var appliedLSN: LSN
  public var digest: Digest
  /// In ascending order of their names' bytes, each once.
  public private(set) var files: [File]

  public init(_ identity: Identity, appliedLSN: LSN, digest: Digest, files: [File]) {
    self.identity = identity
    self.appliedLSN = appliedLSN
    self.digest = digest
    self.files = files.sorted { $0.precedes($1) }
  }
}

/// Why a view's files cannot be used. All but `disk` mean: rebuild it from the records.
public enum ManifestError: Error, Equatable, Sendable {
  /// Nothing was ever written.
  case missing(path: String)
  case damaged(path: String, reason: String)
  /// Written by a newer version of the manifest's format.
  case newerFormat(path: String, version: UInt32)
  /// Of another database, another view, another configuration or version of the view.
  case foreign(path: String, reason: String)
  case disk(DiskError)
}

extension ManifestError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let path): "\(path) is missing"
    case .damaged(let path, let reason), .foreign(let path, let reason): "\(path): \(reason)"
    case .newerFormat(let path, let version):
      "\(path): format version \(version) is newer than this program"
    case .disk(let error): "\(error)"
    }
  }
}

// MARK: Bytes

extension Manifest {
  static let magic: [UInt8] = [0x89, 0x53, 0x56, 0x4d, 0x0d, 0x0a, 0x1a, 0x0a]
  static let formatVersion: UInt32 = 1
  static let nameBytesMost = 255
  /// No manifest is larger; a file that is has not been written by us, and is not read.
  static let bytesMost = 16 << 20
  private static let fileBytesLeast = 1 + 1 + 8 + 8

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: 128 + files.count * 48)
    writer.append(Self.magic)
    writer.u32(Self.formatVersion)
    writer.u32(0)
    writer.u64(identity.databaseID.high.bigEndian)
    writer.u64(identity.databaseID.low.bigEndian)
    writer.u32(identity.version)
    writer.u32(UInt32(files.count))
    writer.u64(identity.configuration)
    writer.u64(appliedLSN.rawValue)
    writer.u64(digest.high)
    writer.u64(digest.low)
    writer.string(identity.view)
    for file in files {
      writer.string(file.name)
      writer.u64(file.bytes)
      writer.u64(file.hash)
    }
    writer.patchU32(UInt32(writer.count + 8), at: 12)
    writer.u64(XXH64.hash(writer.bytes))
    return writer.bytes
  }

  /// Checks and decodes the content of the file `path`.
  static func decode(_ bytes: [UInt8], path: String) throws(ManifestError) -> Manifest {
    do throws(DecodeError) {
      guard bytes.starts(with: magic) else {
        throw DecodeError(.invalid, "magic of the manifest", at: 0)
      }
      guard bytes.count >= 80, bytes.count <= bytesMost else {
        throw DecodeError(.truncated, "manifest", at: bytes.count)
      }
      let body = bytes.dropLast(8)
      var reader = ByteReader(bytes.span.bytes)
      try reader.skip(body.count)
      guard try reader.u64("hash") == XXH64.hash(Array(body)) else {
        throw DecodeError(.invalid, "hash of the manifest", at: body.count)
      }
      return try fields(bytes)
    } catch {
      if error.what.description == "format version" {
        throw .newerFormat(path: path, version: UInt32(truncatingIfNeeded: error.offset))
      }
      throw .damaged(path: path, reason: "\(error)")
    }
  }

  /// The hash is right: what does not fit now was written so.
  private static func fields(_ bytes: [UInt8]) throws(DecodeError) -> Manifest {
    var reader = ByteReader(bytes.span.bytes)
    try reader.skip(8)
    let version = try reader.u32("version")
    guard version == formatVersion else {
      throw DecodeError(.invalid, "format version", at: Int(truncatingIfNeeded: version))
    }
    guard Int(try reader.u32("size")) == bytes.count else {
      throw DecodeError(.invalid, "size of the manifest", at: 12)
    }
    let high = UInt64(bigEndian: try reader.u64())
    let low = UInt64(bigEndian: try reader.u64())
    let viewVersion = try reader.u32("view's version")
    let count = Int(try reader.u32("file count"))
    let configuration = try reader.u64("configuration")
    let lsn = LSN(try reader.u64("LSN"))
    var digest = Digest()
    digest.high = try reader.u64("digest")
    digest.low = try reader.u64("digest")
    let view = try reader.string(limit: nameBytesMost, "view's name")
    guard count <= reader.remaining / fileBytesLeast else {
      throw DecodeError(.overflow, "file count", at: 36)
    }
    var files: [File] = []
    files.reserveCapacity(count)
    for _ in 0..<count {
      let start = reader.offset
      let file = File(
        name: try reader.string(limit: nameBytesMost, "file's name"),
        bytes: try reader.u64("size"), hash: try reader.u64("hash"))
      guard isName(file.name), files.last?.precedes(file) ?? true else {
        throw DecodeError(.invalid, "file's name", at: start)
      }
      files.append(file)
    }
    try reader.skip(8)
    try reader.finish("manifest")
    return Manifest(
      Identity(
        databaseID: UUIDv7(high: high, low: low), view: view, version: viewVersion,
        configuration: configuration),
      appliedLSN: lsn, digest: digest, files: files)
  }

  /// Whether a file of a view may be called so: it stays inside the view's folder.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= nameBytesMost && name != "." && name != ".."
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
      && name != ViewFolder.manifestName && name != ViewFolder.temporaryName
  }
}
