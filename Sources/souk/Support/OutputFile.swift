// OutputFile: a new file that a verb writes piece by piece through the disk floor. It is there whole,
// or not at all when writing it failed.

import Disk

struct OutputFile {
  private static let pieceBytes = 1 << 20

  private let disk = PosixDisk()
  private let path: String
  private let file: any DiskFile
  private var pending: [UInt8] = []
  private var written: UInt64 = 0

  /// Refuses a file that is there.
  init(creating path: String) throws(VerbFailure) {
    self.path = path
    do throws(DiskError) {
      let isThere = try disk.exists(path)
      guard isThere else {
        file = try disk.create(path)
        return
      }
    } catch {
      throw Self.failure(error, path)
    }
    throw VerbFailure("\(path) is there already; name a new file, or remove it first")
  }

  mutating func append(_ bytes: [UInt8]) throws(VerbFailure) {
    pending += bytes
    if pending.count >= Self.pieceBytes { try flush() }
  }

  /// Makes the file durable.
  mutating func finish() throws(VerbFailure) {
    try flush()
    do throws(DiskError) {
      try file.sync()
      file.close()
    } catch {
      throw abandoned(error)
    }
  }

  private mutating func flush() throws(VerbFailure) {
    do throws(DiskError) {
      try file.write(pending, at: written)
    } catch {
      throw abandoned(error)
    }
    written += UInt64(pending.count)
    pending.removeAll(keepingCapacity: true)
  }

  private func abandoned(_ error: DiskError) -> VerbFailure {
    file.close()
    // A file that is half there would be taken for a whole one.
    try? disk.remove(path)
    return Self.failure(error, path)
  }

  private static func failure(_ error: DiskError, _ path: String) -> VerbFailure {
    switch error.kind {
    case .notFound: VerbFailure("there is no folder for \(path)")
    case .noPermission: VerbFailure("\(path) may not be written by this user")
    case .noSpace: VerbFailure("there is no space for \(path); nothing is left of it", .inputOutput)
    default: VerbFailure("\(path): \(error)", .inputOutput)
    }
  }
}
