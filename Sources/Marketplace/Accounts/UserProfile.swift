// UserProfile: what a user tells of himself and prefers; apart from the user, so that what signs
// people in stays small.

import Bytes
import RecordStore

public enum Theme: String, FieldEnum {
  case light, dark
}

/// By which ways a user is told of one kind of event.
public struct NotificationPreference: Fields, Equatable {
  /// `order`, `promotion`, …; the word of the notification.
  public var type = ""
  public var email = true
  public var sms = false
  public var push = true

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "type", &type, .length(1...50).required)
    try visitor.field(2, "email", &email)
    try visitor.field(3, "sms", &sms)
    try visitor.field(4, "push", &push)
  }
}

/// GET and PUT /users/me/preferences.
public struct Preferences: Fields, Equatable {
  public var language = "en"
  public var currency = "USD"
  public var theme = Theme.light
  public var notifications: [NotificationPreference] = []

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(
      1, "language", &language, .length(2...35).summary("BCP 47, such as en or pt-BR."))
    try visitor.field(2, "currency", &currency, .format("currency"))
    try visitor.field(3, "theme", &theme)
    try visitor.field(4, "notifications", &notifications, .count(0...100))
  }

  /// Throws VAL_3001 for a language tag that is none, or a notification type given twice.
  public func check() throws(MarketError) {
    let parts = language.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let isTag = parts.allSatisfy { part in
      (1...8).contains(part.count)
        && part.allSatisfy {
          ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39)
        }
    }
    guard isTag, (2...3).contains(parts.first?.count ?? 0) else {
      throw .invalid("/language", rule: "format", "The language must be a tag such as en or pt-BR.")
    }
    var seen: Set<String> = []
    for (index, preference) in notifications.enumerated() {
      guard seen.insert(preference.type).inserted else {
        throw .invalid(
          "/notifications/\(index)/type", rule: "duplicate", "This type is given twice.")
      }
    }
  }
}

/// Profile and preferences of a user. Table 24.
public struct UserProfile: Record, Equatable {
  public var userID = UUIDv7.zero
  public var phone = ""
  public var avatar = ""
  public var bio = ""
  public var preferences = Preferences()
  public var updatedAt = Timestamp.zero

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "userId", &userID)
    try visitor.field(2, "phone", &phone)
    try visitor.field(3, "avatar", &avatar)
    try visitor.field(4, "bio", &bio)
    try visitor.field(5, "preferences", &preferences)
    try visitor.field(6, "updatedAt", &updatedAt)
  }

  public static let table = Table<UserProfile>(number: 24, name: "userProfiles")
  public var primaryKey: [UInt8] { key(userID) }
}

/// PATCH /users/me: what is left out stays, an empty text clears.
public struct ProfileChange: Fields, Equatable {
  public var firstName: String?
  public var lastName: String?
  public var businessName: String?
  public var phone: String?
  public var avatar: String?
  public var bio: String?

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "firstName", &firstName, .length(0...100))
    try visitor.field(2, "lastName", &lastName, .length(0...100))
    try visitor.field(3, "businessName", &businessName, .length(0...255))
    try visitor.field(
      4, "phone", &phone, .length(0...16).summary("E.164, such as +4930123456; empty clears."))
    try visitor.field(
      5, "avatar", &avatar, .length(0...2048).summary("An https address or a path of this shop."))
    try visitor.field(6, "bio", &bio, .length(0...2000))
  }

  func check() throws(MarketError) {
    if let phone, !phone.isEmpty {
      let digits = Array(phone.utf8.dropFirst())
      let isNumber =
        phone.hasPrefix("+") && (7...15).contains(digits.count) && digits.first != 0x30
        && digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      guard isNumber else {
        throw .invalid("/phone", rule: "format", "The number must be as +4930123456 (E.164).")
      }
    }
    if let avatar, !avatar.isEmpty {
      let isPlain = avatar.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x3c }
      let isPath = avatar.hasPrefix("/") && !avatar.hasPrefix("//")
      guard isPlain, isPath || avatar.hasPrefix("https://") else {
        throw .invalid(
          "/avatar", rule: "format", "The picture must be an https address or a path of this shop.")
      }
    }
  }
}

/// A user as he sees himself.
public struct ProfileView: Fields, Equatable {
  public var user = UserView()
  public var phone: String?
  public var avatar: String?
  public var bio: String?
  public var preferences = Preferences()

  public init() {}

  public mutating func visit(_ visitor: inout some FieldVisitor) throws(FieldError) {
    try visitor.field(1, "user", &user)
    try visitor.field(2, "phone", &phone)
    try visitor.field(3, "avatar", &avatar)
    try visitor.field(4, "bio", &bio)
    try visitor.field(5, "preferences", &preferences)
  }
}

public enum Profiles {
  /// The user's profile; all defaults while nothing was ever told.
  public static func find(_ reader: some RecordReader, _ userID: UUIDv7) throws -> UserProfile {
    if let profile = try reader.get(UserProfile.self, key(userID)) { return profile }
    var profile = UserProfile()
    profile.userID = userID
    return profile
  }

  public static func view(_ reader: some RecordReader, _ userID: UUIDv7) throws -> ProfileView {
    guard let user = try Accounts.user(reader, id: userID) else {
      throw MarketError.notFound("user")
    }
    let profile = try find(reader, userID)
    var view = ProfileView()
    view.user = UserView(user)
    view.phone = profile.phone.isEmpty ? nil : profile.phone
    view.avatar = profile.avatar.isEmpty ? nil : profile.avatar
    view.bio = profile.bio.isEmpty ? nil : profile.bio
    view.preferences = profile.preferences
    return view
  }

  public static func change(
    _ transaction: Transaction, _ userID: UUIDv7, _ change: ProfileChange
  ) throws -> ProfileView {
    try change.check()
    guard var user = try Accounts.user(transaction, id: userID) else {
      throw MarketError.notFound("user")
    }
    if let name = change.firstName { user.firstName = name }
    if let name = change.lastName { user.lastName = name }
    if let name = change.businessName { user.businessName = name }
    try Accounts.save(transaction, &user)
    var profile = try find(transaction, userID)
    if let phone = change.phone { profile.phone = phone }
    if let avatar = change.avatar { profile.avatar = avatar }
    if let bio = change.bio { profile.bio = bio }
    profile.updatedAt = transaction.time
    try transaction.put(profile)
    return try view(transaction, userID)
  }

  public static func setPreferences(
    _ transaction: Transaction, _ userID: UUIDv7, _ preferences: Preferences
  ) throws -> Preferences {
    try preferences.check()
    var profile = try find(transaction, userID)
    profile.preferences = preferences
    profile.updatedAt = transaction.time
    try transaction.put(profile)
    return preferences
  }
}
