// Installation: a data directory as the verbs see it: the database with all tables and views of the
// marketplace, opened for work or only to look.

import ArgumentParser
import Bytes
import CommitLog
import Database
import Disk
import Glibc
import Marketplace
import RecordStore
import TextSearch

/// The options that every verb on a data directory shares.
struct DataOption: ParsableArguments {
  @Option(name: .long, help: "The data directory.") var data = "./souk-data"

  func validate() throws {
    guard !data.isEmpty else { throw ValidationError("--data needs a folder") }
  }
}

/// Paths for a process that may be at home elsewhere.
enum AbsolutePath {
  /// Without a slash at its end; names that lead nowhere yet are kept.
  static func of(_ path: String) throws(VerbFailure) -> String {
    var absolute = path
    if !path.hasPrefix("/") {
      guard let folder = getcwd(nil, 0) else {
        throw VerbFailure(
          "the current folder has no path; name \(path) from the root", .inputOutput)
      }
      defer { free(folder) }
      absolute = String(cString: folder) + "/" + path
    }
    var parts: [Substring] = []
    for part in absolute.split(separator: "/") where part != "." { parts.append(part) }
    return "/" + parts.joined(separator: "/")
  }
}

struct Installation {
  let database: Database

  /// The path of the running binary, to start it again.
  static var ownBinary: String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return CommandLine.arguments[0] }
    return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  static func configuration(
    _ path: String, disk: any Disk, withViews: Bool = true
  ) -> Database.Configuration {
    Database.Configuration(
      path: path, disk: disk, tables: MarketTables.all,
      views: withViews ? MarketTables.makeViews() : [])
  }

  /// Opens for reading and writing; the lock says when a server has it.
  static func open(
    _ path: String, _ adjust: (inout Database.Configuration) -> Void = { _ in }
  ) throws(VerbFailure) -> Installation {
    var configuration = configuration(path, disk: PosixDisk())
    adjust(&configuration)
    do throws(DatabaseError) {
      return Installation(database: try Database.open(configuration))
    } catch {
      throw failure(error, at: path)
    }
  }

  /// What a person is told, and the exit code.
  static func failure(_ error: DatabaseError, at path: String) -> VerbFailure {
    switch error {
    case .notFound, .disk, .log(.disk), .store(.disk):
      if let failure = StoreFiles.missingPart(path) { return failure }
      do throws(DiskError) {
        _ = try PosixDisk().list(path)
      } catch  where error.kind != .notFound {
        return VerbFailure(DatabaseError.disk(error))
      } catch {}
      return VerbFailure(error)
    default: return VerbFailure(error)
    }
  }

  /// Makes an empty database and its secrets.
  static func create(at path: String) throws -> Installation {
    // Making it anew would empty the log, which may be all that is left.
    if let failure = StoreFiles.missingPart(path) { throw failure }
    let installation = Installation(
      database: try Database.create(configuration(path, disk: PosixDisk())))
    _ = try installation.marketplace()
    return installation
  }

  /// The domain over the database; makes its secrets the first time.
  func marketplace(
    policies: OrderPolicies = OrderPolicies()
  ) throws(DatabaseError) -> Marketplace {
    try Marketplace(database: database, policies: policies)
  }

  /// Opens, recovers and shows the database without writing one byte of it.
  static func inspect(
    _ path: String, withViews: Bool = true, disk: any Disk = OverlayDisk(over: PosixDisk())
  ) throws(DatabaseError) -> Installation {
    var configuration = configuration(path, disk: disk, withViews: withViews)
    configuration.runsThreads = false
    return Installation(database: try Database.open(configuration))
  }
}
