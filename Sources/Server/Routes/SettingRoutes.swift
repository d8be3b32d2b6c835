// Routes of stored settings, for administrators. What is stored is taken at the next start.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var settingRoutes: RouteGroup {
    RouteGroup("Administration", writesOnce: true) {
      routeLater(
        .get, "/admin/settings", "listSettings", "Every setting that can be stored.",
        caller: .admin, output: SettingList.self
      ) { context, answer in
        try read(context, answer) { .ok(try StoredSettings.list($0.records, settings)) }
      }
      routeLater(
        .get, "/admin/settings/{name}", "getSetting", "One setting.", caller: .admin,
        output: SettingView.self, errors: [.notFound]
      ) { context, answer in
        let name = context.path("name")
        try read(context, answer) { .tagged(try StoredSettings.view($0.records, name, settings)) }
      }
      routeLater(
        .put, "/admin/settings/{name}", "setSetting",
        "Store a setting, which goes before its default and behind flag, environment and souk.toml "
          + "and is taken at the next start. If-Match names the version, \"v0\" for a new one.",
        caller: .admin, body: SettingInput.self, output: SettingView.self,
        errors: [.notFound, .validation, .conflict, .missingRequiredField]
      ) { context, answer in
        let name = context.path("name")
        let userID = try context.userID()
        try EntityTag.require(context.request)
        let version = try EntityTag.expected(context.request)
        write(context, answer) { transaction in
          .tagged(
            try StoredSettings.set(
              transaction, name, context.body, expectedVersion: version, by: userID, settings))
        }
      }
      routeLater(
        .delete, "/admin/settings/{name}", "removeSetting",
        "Store it no more; at the next start its default holds.", caller: .admin,
        output: Nothing.self, errors: [.notFound, .conflict]
      ) { context, answer in
        let name = context.path("name")
        let version = try EntityTag.expected(context.request)
        write(context, answer) { transaction in
          try StoredSettings.remove(transaction, name, expectedVersion: version, settings)
          return .noContent
        }
      }
    }
  }
}

extension Reply<SettingView> {
  fileprivate static func tagged(_ setting: SettingView) -> Self {
    .ok(setting, headers: ["ETag": EntityTag.text(version: setting.version)])
  }
}
