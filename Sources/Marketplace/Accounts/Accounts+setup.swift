// Accounts: whether the marketplace has been set up, which it is when it has an administrator.

import Bytes
import RecordStore

extension Accounts {
  public static func hasAdministrator(_ reader: some RecordReader) throws -> Bool {
    try reader.first(in: User.byRole, .equal(key(UserRole.admin.rawValue))) != nil
  }
}
