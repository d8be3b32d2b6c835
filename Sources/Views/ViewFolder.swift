// ViewFolder: where a view keeps what it holds, so that it need not be rebuilt at every start.
//
// 1. A file is never changed once a manifest names it. New content goes into files of new names.
// 2. The manifest is replaced by a rename, when all it names is durable; a crash leaves the old one or
//    the new one, with all its files.
// 3. Files that no manifest names are removed only when the manifest that stands is durable.

import Bytes
import Disk

public struct ViewFolder: Sendable {
  static let manifestName = "MANIFEST"
  static let temporaryName = "MANIFEST.new"

  /// A larger file is written and synced in parts, so that no commit's sync waits for all of it.
  static let partBytes = 4 << 20

  let disk: any Disk
  public let path: String
  private let pace: @Sendable (Int) -> Void

  /// The folder and the one that it is in are made when they are missing.
  ///
  /// - Parameter pace: called after each part of a file with its bytes; may wait, to leave the disk to
  ///   others.
  public init(
    _ disk: any Disk, path: String, pace: @escaping @Sendable (_ bytes: Int) -> Void = { _ in }
  ) {
    (self.disk, self.path, self.pace) = (disk, path, pace)
  }

  private func place(_ name: String) -> String { path + "/" + name }

  // MARK: Writing

  /// Writes a new file and syncs its content; its name is durable with the next `commit`. What an
  /// attempt that was cut short left under the name is removed.
  public func write(_ name: String, _ content: [UInt8]) throws(DiskError) -> Manifest.File {
    precondition(Manifest.isName(name), "a view's file cannot be called so")
    try make()
    try replace(name, content)
    return Manifest.File(name: name, content: content)
  }

  private func make() throws(DiskError) {
    guard try !disk.exists(path) else { return }
    let parent = Self.parent(of: path)
    if try !disk.exists(parent) {
      try disk.createDirectory(parent)
      try disk.syncDirectory(Self.parent(of: parent))
    }
    try disk.createDirectory(path)
    try disk.syncDirectory(parent)
  }

  private static func parent(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ""
  }

  private func replace(_ name: String, _ content: [UInt8]) throws(DiskError) {
    if try disk.exists(place(name)) { try disk.remove(place(name)) }
    let file = try disk.create(place(name))
    defer { file.close() }
    var start = 0
    repeat {
      let end = min(start + Self.partBytes, content.count)
      let part = content.count <= Self.partBytes ? content : Array(content[start..<end])
      try file.write(part, at: UInt64(start))
      try file.sync()
      pace(part.count)
      start = end
    } while start < content.count
  }

  /// Puts the manifest in the place of the one before, durably, and removes what it does not name.
  public func commit(_ manifest: Manifest) throws(DiskError) {
    precondition(
      manifest.files.allSatisfy { Manifest.isName($0.name) }
        && zip(manifest.files, manifest.files.dropFirst()).allSatisfy { $0.precedes($1) }
        && manifest.identity.view.utf8.count <= Manifest.nameBytesMost, "names of a manifest")
    try make()
    try replace(Self.temporaryName, manifest.encoded())
    // The names of the files must be durable before the one that speaks of them.
    try disk.syncDirectory(path)
    try disk.rename(place(Self.temporaryName), to: place(Self.manifestName))
    try disk.syncDirectory(path)
    try removeAll(but: manifest)
  }

  private func removeAll(but manifest: Manifest) throws(DiskError) {
    let kept = Set(manifest.files.map(\.name) + [Self.manifestName])
    for name in try disk.list(path) where !kept.contains(name) { try disk.remove(place(name)) }
  }

  /// Forgets everything, before a rebuild that ends in a `commit`.
  public func clear() throws(DiskError) {
    guard try disk.exists(path) else { return }
    // The manifest first, durably: without it the rest is nothing.
    if try disk.exists(place(Self.manifestName)) {
      try disk.remove(place(Self.manifestName))
      try disk.syncDirectory(path)
    }
    for name in try disk.list(path) { try disk.remove(place(name)) }
  }

  /// Removes what the manifest that stands does not name: the leavings of a flush that failed, which
  /// may be what fills the volume.
  public func discardUnnamed() throws(DiskError) {
    guard try disk.exists(path) else { return }
    var kept: Set<String> = [Self.manifestName]
    do throws(ManifestError) {
      kept.formUnion(try standing().files.map(\.name))
    } catch {
      if case .disk(let error) = error { throw error }
    }
    for name in try disk.list(path) where !kept.contains(name) { try disk.remove(place(name)) }
  }

  // MARK: Reading

  /// The manifest that stands, of whatever database and view: made durable before it is believed.
  /// Nothing is changed.
  public func standing() throws(ManifestError) -> Manifest {
    let name = place(Self.manifestName)
    let content: [UInt8]
    do throws(DiskError) {
      guard try disk.exists(name) else { throw DiskError(.notFound, call: "open", path: name) }
      try disk.syncDirectory(path)
      content = try bytes(name, atMost: UInt64(Manifest.bytesMost))
    } catch {
      throw error.kind == .notFound ? .missing(path: name) : .disk(error)
    }
    return try Manifest.decode(content, path: name)
  }

  /// The manifest that stands, made durable before it is believed. Whatever is wrong with it has its
  /// error, and nothing is changed.
  public func open(_ identity: Manifest.Identity) throws(ManifestError) -> Manifest {
    let name = place(Self.manifestName)
    let manifest = try standing()
    let found = manifest.identity
    guard found.databaseID == identity.databaseID else {
      throw .foreign(path: name, reason: "it belongs to database \(found.databaseID)")
    }
    guard found.view == identity.view else {
      throw .foreign(path: name, reason: "it belongs to view \(found.view)")
    }
    guard found.version == identity.version else {
      throw .foreign(
        path: name, reason: "its files have version \(found.version), not \(identity.version)")
    }
    guard found.configuration == identity.configuration else {
      throw .foreign(path: name, reason: "the view was configured otherwise")
    }
    return manifest
  }

  /// The content of a file that a manifest names, proved.
  public func read(_ file: Manifest.File) throws(ManifestError) -> [UInt8] {
    let name = place(file.name)
    let content: [UInt8]
    do throws(DiskError) {
      content = try bytes(name, atMost: file.bytes)
    } catch {
      if error.kind == .notFound { throw .damaged(path: name, reason: "the file is missing") }
      throw .disk(error)
    }
    guard UInt64(content.count) == file.bytes, XXH64.hash(content) == file.hash else {
      throw .damaged(path: name, reason: "the content is not what the manifest says")
    }
    return content
  }

  /// The whole file; one byte more than `limit` of a larger one.
  private func bytes(_ name: String, atMost limit: UInt64) throws(DiskError) -> [UInt8] {
    let file = try disk.open(name, mode: .readOnly)
    defer { file.close() }
    let size = min(try file.size(), limit.addingReportingOverflow(1).partialValue)
    guard let count = Int(exactly: size) else { return [] }
    return try file.read(count, at: 0) ?? []
  }
}
