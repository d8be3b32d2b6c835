// AccountTables: the tables of accounts and mails beyond users and sessions, for the database's
// declaration: 18 one-time tokens, 19 mails, 20 two-step sign-in, 21 addresses, 22 audit entries,
// 23 accounts with other providers, 24 user profiles.

import RecordStore

public enum AccountTables {
  public static let all: [TableDescriptor] = [
    OneTimeToken.table.descriptor, MailMessage.table.descriptor, TwoFactor.table.descriptor,
    UserAddress.table.descriptor, AuditEntry.table.descriptor, ProviderAccount.table.descriptor,
    UserProfile.table.descriptor,
  ]
}
