// InputFile: a file that the user names, read whole through the disk floor.

import Disk

enum InputFile {
  /// Import files are held in memory while they are checked.
  static let bytesMax = 1 << 30

  static func bytes(of path: String) throws -> [UInt8] {
    do throws(DiskError) {
      let file = try PosixDisk().open(path, mode: .readOnly)
      defer { file.close() }
      let size = try file.size()
      guard size <= UInt64(bytesMax) else {
        throw DiskError(.noSpace, call: "read", path: path)
      }
      guard let bytes = try file.read(Int(size), at: 0) else {
        throw DiskError(.inputOutput(0), call: "read", path: path)
      }
      return bytes
    } catch {
      switch error.kind {
      case .notFound: throw VerbFailure("there is no file \(path)")
      case .noPermission: throw VerbFailure("\(path) may not be read by this user")
      case .noSpace:
        throw VerbFailure("\(path) is larger than \(bytesMax >> 20) MiB; import it in parts")
      default: throw VerbFailure("\(path): \(error)", .inputOutput)
      }
    }
  }
}
