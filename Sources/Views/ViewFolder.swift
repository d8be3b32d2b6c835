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

  let disk: any Disk
  public let path: String

  /// The folder's own folder is there; the folder is made when it is missing.
  public init(_ disk: any Disk, path: String) { (self.disk, self.path) = (disk, path) }

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
    try disk.createDirectory(path)
    let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    try disk.syncDirectory(parent)
  }

  private func replace(_ name: String, _ content: [UInt8]) throws(DiskError) {
    if try disk.exists(place(name)) { try disk.remove(place(name)) }
    let file = try disk.create(place(name))
    defer { file.close() }
    try file.write(content, at: 0)
    try file.sync()
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

  // MARK: Reading

  /// The manifest that stands, made durable before it is believed. Whatever is wrong with it has its
  /// error, and nothing is changed.
  public func open(_ identity: Manifest.Identity) throws(ManifestError) -> Manifest {
    let name = place(Self.manifestName)
    let content: [UInt8]
    do throws(DiskError) {
      guard try disk.exists(name) else { throw DiskError(.notFound, call: "open", path: name) }
      try disk.syncDirectory(path)
      content = try bytes(name, atMost: UInt64(Manifest.bytesMost))
    } catch {
      throw error.kind == .notFound ? .missing(path: name) : .disk(error)
    }
    let manifest = try Manifest.decode(content, path: name)
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
