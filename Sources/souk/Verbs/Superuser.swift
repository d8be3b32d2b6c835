// souk superuser

import ArgumentParser
import Bytes
import Database
import Glibc
import Marketplace

struct Superuser: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make administrators.", subcommands: [SuperuserCreate.self])
}

struct SuperuserCreate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make an administrator, or give an administrator a new password.",
    discussion: """
      The password comes from SOUK_SUPERUSER_PASSWORD or from the first line of standard input. The \
      server must be stopped; while it runs, an administrator can do the same over the API.

      EXAMPLES
        souk superuser create ada@example.com
        printf '%s\\n' "$PASSWORD" | souk superuser create ada@example.com --data /srv/souk
      """)

  @Argument(help: "The e-mail address.") var email: String
  @OptionGroup var directory: DataOption
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    var request = RegisterRequest()
    request.email = email
    request.role = .admin
    let installation = try Installation.open(directory.data)
    do {
      request.password = try Self.password()
      // The same checks as a body of the API gets.
      _ = try FieldJSON.decode(RegisterRequest.self, from: FieldJSON.encode(request))
      try PasswordHasher.check(request.password, path: "/password")
      let hash = try PasswordHasher().hash(request.password)
      let ready = request
      let isNew = try installation.database.writeBlocking { transaction in
        guard var user = try Accounts.user(transaction, email: ready.email) else {
          _ = try Accounts.create(transaction, ready, passwordHash: hash)
          return true
        }
        guard user.role == .admin else {
          throw VerbFailure(
            "\(ready.email) is a \(user.role.rawValue)'s account; use another address")
        }
        user.passwordHash = hash
        user.version += 1
        user.updatedAt = transaction.time
        try transaction.put(user)
        return false
      }.value
      try installation.database.close()
      if json {
        Terminal.out("{\"email\":\(quoted(email)),\"created\":\(isNew)}")
      } else {
        Terminal.out(
          isNew ? "made the administrator \(email)" : "\(email) has a new password")
      }
    } catch {
      try? installation.database.close()
      throw Self.failure(error)
    }
  }

  private static func failure(_ error: any Error) -> any Error {
    switch error {
    case let error as MarketError: VerbFailure(error.message, .usage)
    case FieldError.invalid(let issues):
      VerbFailure(
        issues.map { "\($0.path.dropFirst()) \($0.message)" }.joined(separator: "; "), .usage)
    default: error
    }
  }

  /// From the environment, or one line of standard input, which a terminal does not show.
  private static func password() throws(VerbFailure) -> String {
    if let value = getenv("SOUK_SUPERUSER_PASSWORD") { return String(cString: value) }
    let isTerminal = isatty(0) == 1
    var before = termios()
    if isTerminal {
      Terminal.note("Password (8 to 72 bytes; it is not shown):")
      tcgetattr(0, &before)
      var silent = before
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(0, TCSANOW, &silent)
    }
    defer { if isTerminal { tcsetattr(0, TCSANOW, &before) } }
    guard let line = readLine(strippingNewline: true), !line.isEmpty else {
      throw VerbFailure(
        "there is no password: give it in SOUK_SUPERUSER_PASSWORD or on standard input", .usage)
    }
    return line
  }
}
