// What `souk store` reports of an open database, as records: the server encodes them, the command
// line decodes and prints them, so that text, JSON and the answer of a server say the same.
//
// Sizes are bytes, times RFC 3339, commits are log positions. Keys are bytes in hex.

import Bytes

/// `info`: what is in the data directory.
public struct StoreInfoReport: Fields {
  public var data = ""
  public var databaseID = UUIDv7.zero
  public var commit: UInt64 = 0
  public var lastCommitTime = Timestamp.zero
  public var newestCheckpoint: UInt64 = 0
  public var olderCheckpoint: UInt64 = 0
  public var replayedCommits: Int64 = 0
  public var pageBytes: Int64 = 0
  public var pages: UInt64 = 0
  public var freePages: UInt64 = 0
  public var retiredPages: UInt64 = 0
  public var tables: [Table] = []
  public var views: [View] = []
  /// A server answered, and has this process id.
  public var server: Int64?
  /// Of the folder; the command line adds them.
  public var files: [File] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
    try visitor.field(2, "databaseId", &databaseID)
    try visitor.field(3, "commit", &commit)
    try visitor.field(4, "lastCommitTime", &lastCommitTime)
    try visitor.field(5, "newestCheckpoint", &newestCheckpoint)
    try visitor.field(6, "olderCheckpoint", &olderCheckpoint)
    try visitor.field(7, "replayedCommits", &replayedCommits)
    try visitor.field(8, "pageBytes", &pageBytes)
    try visitor.field(9, "pages", &pages)
    try visitor.field(10, "freePages", &freePages)
    try visitor.field(11, "retiredPages", &retiredPages)
    try visitor.field(12, "tables", &tables)
    try visitor.field(13, "views", &views)
    try visitor.field(14, "server", &server)
    try visitor.field(15, "files", &files)
  }

  public struct File: Fields {
    public var name = ""
    public var bytes: UInt64 = 0

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "bytes", &bytes)
    }
  }

  public struct Table: Fields {
    public var name = ""
    public var rows: UInt64 = 0

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "rows", &rows)
    }
  }

  public struct View: Fields {
    public var name = ""
    public var digest = ""

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "digest", &digest)
    }
  }
}

/// `check`: the proof, or what stands against it.
public struct StoreCheckReport: Fields {
  public var commit: UInt64 = 0
  public var isSound = false
  /// Every byte was read from the disk and both checkpoints were proved.
  public var isDeep = false
  public var findings: [String] = []
  public var trees: Int64 = 0
  public var entries: UInt64 = 0
  public var reachedPages: UInt64 = 0
  public var retiredPages: UInt64 = 0
  public var freePages: UInt64 = 0
  /// Compared with the records; none when those are not sound.
  public var views: Int64 = 0
  /// Of the log, when it was read; the command line does.
  public var log: Log?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "sound", &isSound)
    try visitor.field(3, "findings", &findings)
    try visitor.field(4, "trees", &trees)
    try visitor.field(5, "entries", &entries)
    try visitor.field(6, "reachedPages", &reachedPages)
    try visitor.field(7, "retiredPages", &retiredPages)
    try visitor.field(8, "freePages", &freePages)
    try visitor.field(9, "views", &views)
    try visitor.field(10, "deep", &isDeep)
    try visitor.field(11, "log", &log)
  }

  /// What was read of the log.
  public struct Log: Fields {
    public var segments: Int64 = 0
    public var bytes: UInt64 = 0
    public var commits: Int64 = 0

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "segments", &segments)
      try visitor.field(2, "bytes", &bytes)
      try visitor.field(3, "commits", &commits)
    }
  }
}

/// `stats`: the shape of the trees.
public struct StoreStatsReport: Fields {
  public var commit: UInt64 = 0
  public var pageBytes: Int64 = 0
  public var trees: [Tree] = []
  /// Of all trees only: the engines that follow them, asked for after them.
  public var engines: EngineListReport?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "pageBytes", &pageBytes)
    try visitor.field(3, "trees", &trees)
    try visitor.field(4, "engines", &engines)
  }

  public struct Tree: Fields {
    public var tree: UInt32 = 0
    public var name = ""
    public var entries: UInt64 = 0
    public var depth: Int64 = 0
    public var leafPages: UInt64 = 0
    public var branchPages: UInt64 = 0
    public var overflowPages: UInt64 = 0
    public var overflowValues: UInt64 = 0
    public var keyBytes: UInt64 = 0
    public var valueBytes: UInt64 = 0
    public var usedBytes: UInt64 = 0
    public var fillPercent = 0.0
    public var fanOut = 0.0

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "tree", &tree)
      try visitor.field(2, "name", &name)
      try visitor.field(3, "entries", &entries)
      try visitor.field(4, "depth", &depth)
      try visitor.field(5, "leafPages", &leafPages)
      try visitor.field(6, "branchPages", &branchPages)
      try visitor.field(7, "overflowPages", &overflowPages)
      try visitor.field(8, "overflowValues", &overflowValues)
      try visitor.field(9, "keyBytes", &keyBytes)
      try visitor.field(10, "valueBytes", &valueBytes)
      try visitor.field(11, "usedBytes", &usedBytes)
      try visitor.field(12, "fillPercent", &fillPercent)
      try visitor.field(13, "fanOut", &fanOut)
    }
  }
}

/// `readers`: who holds an earlier state.
public struct StoreReadersReport: Fields {
  public var commit: UInt64 = 0
  public var readers: [Reader] = []
  public var logConsumers: [LogConsumer] = []
  /// A server answered, and has this process id; without one only the answer itself reads.
  public var server: Int64?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "readers", &readers)
    try visitor.field(3, "logConsumers", &logConsumers)
    try visitor.field(4, "server", &server)
  }

  /// Who follows the log, and what of it is kept for them.
  public struct LogConsumer: Fields {
    public var name = ""
    /// The last that it holds durably.
    public var commit: UInt64 = 0
    /// Commits behind the newest.
    public var lag: UInt64 = 0
    public var heldBytes: UInt64 = 0
    public var mustRebuild = false

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "name", &name)
      try visitor.field(2, "commit", &commit)
      try visitor.field(3, "lag", &lag)
      try visitor.field(4, "heldBytes", &heldBytes)
      try visitor.field(5, "mustRebuild", &mustRebuild)
    }
  }

  public struct Reader: Fields {
    public var id: UInt64 = 0
    public var purpose = ""
    public var commit: UInt64 = 0
    /// Since a later commit was shown; 0 for who reads the newest.
    public var ageMicros: Int64 = 0
    public var heldBytes: UInt64 = 0
    public var isExpired = false

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "id", &id)
      try visitor.field(2, "purpose", &purpose)
      try visitor.field(3, "commit", &commit)
      try visitor.field(4, "ageMicros", &ageMicros)
      try visitor.field(5, "heldBytes", &heldBytes)
      try visitor.field(6, "expired", &isExpired)
    }
  }
}

/// `free`: pages that no tree needs.
public struct StoreFreeReport: Fields {
  public var pageBytes: Int64 = 0
  public var pages: UInt64 = 0
  public var freePages: UInt64 = 0
  public var retiredPages: UInt64 = 0
  public var runs: [Runs] = []
  public var waiting: [Waiting] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "pageBytes", &pageBytes)
    try visitor.field(2, "pages", &pages)
    try visitor.field(3, "freePages", &freePages)
    try visitor.field(4, "retiredPages", &retiredPages)
    try visitor.field(5, "runs", &runs)
    try visitor.field(6, "waiting", &waiting)
  }

  /// Runs of free neighbours, by length.
  public struct Runs: Fields {
    public var lengthMin: UInt64 = 0
    public var lengthMax: UInt64 = 0
    public var runs: UInt64 = 0
    public var pages: UInt64 = 0

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "lengthMin", &lengthMin)
      try visitor.field(2, "lengthMax", &lengthMax)
      try visitor.field(3, "runs", &runs)
      try visitor.field(4, "pages", &pages)
    }
  }

  /// Retired pages, and what can still read them.
  public struct Waiting: Fields {
    public var commit: UInt64 = 0
    public var pages: UInt64 = 0
    public var pinnedBy: [String] = []

    public init() {}

    public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
      try visitor.field(1, "commit", &commit)
      try visitor.field(2, "pages", &pages)
      try visitor.field(3, "pinnedBy", &pinnedBy)
    }
  }
}

/// `hash`: of all records, equal for equal content.
public struct StoreHashReport: Fields {
  public var commit: UInt64 = 0
  public var hash = ""

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "commit", &commit)
    try visitor.field(2, "hash", &hash)
  }
}

/// `backup`: what was written, and to which commits it can be restored.
public struct StoreBackupReport: Fields {
  public var backup = ""
  public var databaseID = UUIDv7.zero
  public var firstCommit: UInt64 = 0
  public var firstTime = Timestamp.zero
  public var lastCommit: UInt64 = 0
  public var lastTime = Timestamp.zero
  public var files: Int64 = 0
  public var bytes: UInt64 = 0

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "backup", &backup)
    try visitor.field(2, "databaseId", &databaseID)
    try visitor.field(3, "firstCommit", &firstCommit)
    try visitor.field(4, "firstTime", &firstTime)
    try visitor.field(5, "lastCommit", &lastCommit)
    try visitor.field(6, "lastTime", &lastTime)
    try visitor.field(7, "files", &files)
    try visitor.field(8, "bytes", &bytes)
  }
}
