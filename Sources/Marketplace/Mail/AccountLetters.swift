// AccountLetters: the texts of the mails that accounts send. Plain text, one purpose each, with the
// link for a browser and the token for a program.

import Bytes

public struct AccountLetters: Sendable {
  /// Where this shop is reached, without a slash at its end. Never taken from a request: whoever
  /// chose the Host header would choose where the links of other people's mails lead.
  public let baseURL: String

  public init(baseURL: String) { self.baseURL = baseURL }

  func verification(to address: String, token: String) -> MailDraft {
    MailDraft(
      to: address, subject: "Please confirm your e-mail address",
      text: """
        Somebody, probably you, made an account with this address. To confirm it, open

        \(baseURL)/verify-email?token=\(token)

        or send the token to POST \(baseURL)/api/v1/auth/verify-email:

        \(token)

        It works once, within two days. If it was not you, do nothing.
        """)
  }

  func changeOfAddress(to address: String, token: String) -> MailDraft {
    MailDraft(
      to: address, subject: "Please confirm your new e-mail address",
      text: """
        Somebody, probably you, wants this address for an account. To confirm it, open

        \(baseURL)/verify-email?token=\(token)

        or send the token to POST \(baseURL)/api/v1/auth/verify-email:

        \(token)

        It works once, within two days. If it was not you, do nothing.
        """)
  }

  func reset(to address: String, token: String) -> MailDraft {
    MailDraft(
      to: address, subject: "Set a new password",
      text: """
        Somebody, probably you, asked for a new password. To set it, open

        \(baseURL)/reset-password?token=\(token)

        or send the token and the password to POST \(baseURL)/api/v1/auth/reset-password:

        \(token)

        It works once, within an hour, and ends every session of the account.
        If it was not you, do nothing: the old password stays.
        """)
  }

  public func secondStepEnded(to address: String) -> MailDraft {
    MailDraft(
      to: address, subject: "Two-step sign-in was switched off",
      text: """
        Two-step sign-in was switched off for your account at \(baseURL).

        If it was not you, set a new password at once:

        \(baseURL)/forgot-password
        """)
  }

  func changed(to address: String, what: String) -> MailDraft {
    MailDraft(
      to: address, subject: "Your \(what) was changed",
      text: """
        The \(what) of your account at \(baseURL) was changed.

        If it was not you, set a new password at once:

        \(baseURL)/forgot-password
        """)
  }
}
