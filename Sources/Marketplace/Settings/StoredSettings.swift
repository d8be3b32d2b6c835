// StoredSettings: what an administrator settles through the API, kept in the database. A stored value goes
// before a setting's default and behind flag, environment and souk.toml, and is taken at the next start.
//
// Which settings may be stored, and what is acceptable, the program says (`StorableSetting`): nothing else
// gets in, so what is stored can be taken when the server starts.

import Bytes
import RecordStore

/// A setting that may be stored.
public struct StorableSetting: Sendable {
  public var name: String
  public var summary: String
  /// Several values, one after the other; otherwise exactly one.
  public var isList: Bool
  /// What is wrong with the values, or nil.
  public var issue: @Sendable ([String]) -> String?

  public init(
    name: String, summary: String, isList: Bool, issue: @escaping @Sendable ([String]) -> String?
  ) {
    self.name = name
    self.summary = summary
    self.isList = isList
    self.issue = issue
  }
}

/// A stored value. Table 40.
public struct StoredSetting: Record, Equatable {
  public var name = ""
  public var values: [String] = []
  public var version: Int64 = 0
  public var changedBy = UUIDv7.zero
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "values", &values)
    try visitor.field(3, "version", &version)
    try visitor.field(4, "changedBy", &changedBy)
    try visitor.field(5, "updatedAt", &updatedAt)
  }

  public static let table = Table<StoredSetting>(number: 40, name: "settings")
  public var primaryKey: [UInt8] { key(name) }
}

/// PUT /admin/settings/{name}.
public struct SettingInput: Fields, Equatable {
  public var values: [String] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "values", &values, .count(1...100).required.summary("One, or several for a list."))
  }
}

/// A setting as the API shows it.
public struct SettingView: Fields, Equatable {
  public var name = ""
  public var summary = ""
  public var isList = false
  /// What is stored; empty when nothing is.
  public var values: [String] = []
  /// Zero when nothing is stored.
  public var version: Int64 = 0
  public var updatedAt: Timestamp?

  public init() {}

  init(_ setting: StorableSetting, _ stored: StoredSetting?) {
    name = setting.name
    summary = setting.summary
    isList = setting.isList
    values = stored?.values ?? []
    version = stored?.version ?? 0
    updatedAt = stored?.updatedAt
  }

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "name", &name)
    try visitor.field(2, "summary", &summary)
    try visitor.field(3, "isList", &isList)
    try visitor.field(4, "values", &values)
    try visitor.field(5, "version", &version)
    try visitor.field(6, "updatedAt", &updatedAt)
  }
}

public struct SettingList: Fields, Equatable {
  public var data: [SettingView] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "data", &data)
  }
}

public enum StoredSettings {
  static let valueBytesMax = 1000

  /// What is stored, by name.
  public static func all(_ reader: some RecordReader) throws -> [String: [String]] {
    Dictionary(
      try reader.all(StoredSetting.self).map { ($0.name, $0.values) },
      uniquingKeysWith: { first, _ in first })
  }

  public static func list(
    _ reader: some RecordReader, _ settings: [StorableSetting]
  ) throws -> SettingList {
    var list = SettingList()
    list.data = try settings.map {
      SettingView($0, try reader.get(StoredSetting.self, key($0.name)))
    }
    return list
  }

  public static func view(
    _ reader: some RecordReader, _ name: String, _ settings: [StorableSetting]
  ) throws -> SettingView {
    let setting = try named(name, settings)
    return SettingView(setting, try reader.get(StoredSetting.self, key(name)))
  }

  /// Stores values. Errors: RES_4001 for a name that cannot be stored, VAL_3001 for values that are not
  /// acceptable, `preconditionFailed` when the version is another one (0 for what is not stored).
  public static func set(
    _ transaction: Transaction, _ name: String, _ input: SettingInput, expectedVersion: Int64?,
    by userID: UUIDv7, _ settings: [StorableSetting]
  ) throws -> SettingView {
    let setting = try named(name, settings)
    if !setting.isList, input.values.count != 1 {
      throw MarketError.invalid("/values", rule: "count", "\(name) takes one value.")
    }
    guard input.values.allSatisfy({ (1...valueBytesMax).contains($0.utf8.count) }) else {
      throw MarketError.invalid(
        "/values", rule: "length", "A value has 1 to \(valueBytesMax) bytes.")
    }
    if let issue = setting.issue(input.values) {
      throw MarketError.invalid("/values", rule: "format", "\(name) \(issue).")
    }
    var stored = try expect(transaction, name, expectedVersion) ?? StoredSetting()
    stored.name = name
    stored.values = input.values
    stored.version += 1
    stored.changedBy = userID
    stored.updatedAt = transaction.time
    try transaction.put(stored)
    return SettingView(setting, stored)
  }

  /// Back to the default. Errors as `set`; RES_4001 also when nothing is stored.
  public static func remove(
    _ transaction: Transaction, _ name: String, expectedVersion: Int64?,
    _ settings: [StorableSetting]
  ) throws {
    _ = try named(name, settings)
    guard try expect(transaction, name, expectedVersion) != nil else {
      throw MarketError.notFound("stored setting")
    }
    _ = try transaction.delete(StoredSetting.self, key(name))
  }

  private static func named(_ name: String, _ settings: [StorableSetting]) throws -> StorableSetting
  {
    guard let setting = settings.first(where: { $0.name == name }) else {
      throw MarketError.notFound("setting that can be stored")
    }
    return setting
  }

  private static func expect(
    _ transaction: Transaction, _ name: String, _ version: Int64?
  ) throws -> StoredSetting? {
    let stored = try transaction.get(StoredSetting.self, key(name))
    if let version, version != stored?.version ?? 0 {
      throw MarketError.preconditionFailed(current: stored?.version ?? 0)
    }
    return stored
  }
}
