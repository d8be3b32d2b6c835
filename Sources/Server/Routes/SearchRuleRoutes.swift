// Routes of the search for administrators: its index, what was searched for, and its rules.

import Bytes
import Marketplace
import RecordStore

extension MarketplaceServer {
  var searchIndexRoutes: RouteGroup {
    RouteGroup("Search administration") {
      route(
        .put, "/search/reindex", "startReindex",
        "Begin to make the text index anew from the records, beside the live one.",
        caller: .admin, output: ReindexState.self, status: 202
      ) { _ in .accepted(try reindexing.start(), location: "/search/reindex") }
      route(
        .get, "/search/reindex", "getReindex", "How far the last rebuilding of the text index is.",
        caller: .admin, output: ReindexState.self
      ) { _ in .ok(reindexing.state) }
      indexRoute
      analyticsRoute
    }
  }

  var searchRuleRoutes: RouteGroup {
    RouteGroup("Search administration", writesOnce: true) {
      routeLater(
        .get, "/admin/search/rules", "listSearchRules",
        "Synonyms, pinned and buried products, newest first.", caller: .admin,
        query: Self.pageParameters + [
          QueryParameter("kind", .oneOf(SearchRuleKind.allCases.map(\.rawValue))),
          QueryParameter("query", .text, "Only rules for this question."),
        ], output: SearchRulePage.self, errors: [.invalidInput], on: .pool
      ) { context, answer in
        let kind = context.query("kind").flatMap { SearchRuleKind(rawValue: $0) }
        try read(context, answer) { snapshot in
          .ok(
            try SearchRules.page(
              snapshot.records, kind: kind, query: context.query("query"),
              limit: Int(context.query("limit", default: 20)), cursor: context.query("cursor"),
              market.keys.cursors))
        }
      }
      for route in ruleWrites { route }
    }
  }

  private var ruleWrites: [Route] {
    [
      routeLater(
        .post, "/admin/search/rules", "createSearchRule",
        "Add a rule; it holds from the next search on.", caller: .admin,
        body: SearchRuleInput.self, output: SearchRule.self, status: 201,
        errors: [.validation, .notFound, .conflict]
      ) { context, answer in
        write(context, answer) { transaction in
          let rule = try SearchRules.create(transaction, context.body)
          return .created(
            rule, location: "/api/v1/admin/search/rules/\(rule.id)",
            headers: ["ETag": EntityTag.text(version: rule.version)])
        }
      },
      routeLater(
        .get, "/admin/search/rules/{id}", "getSearchRule", "One rule.", caller: .admin,
        output: SearchRule.self, errors: [.notFound]
      ) { context, answer in
        let id = try context.pathID("id")
        try read(context, answer) { snapshot in
          let rule = try SearchRules.find(snapshot.records, id: id)
          return .ok(rule, headers: ["ETag": EntityTag.text(version: rule.version)])
        }
      },
      routeLater(
        .put, "/admin/search/rules/{id}", "replaceSearchRule",
        "Change all of a rule but its kind; If-Match must name the version that is changed.",
        caller: .admin, body: SearchRuleInput.self, output: SearchRule.self,
        errors: [.validation, .notFound, .conflict, .missingRequiredField]
      ) { context, answer in
        let id = try context.pathID("id")
        try EntityTag.require(context.request)
        let version = try EntityTag.expected(context.request)
        write(context, answer) { transaction in
          let rule = try SearchRules.replace(
            transaction, id: id, context.body, expectedVersion: version)
          return .ok(rule, headers: ["ETag": EntityTag.text(version: rule.version)])
        }
      },
      routeLater(
        .delete, "/admin/search/rules/{id}", "deleteSearchRule", "Remove a rule.",
        caller: .admin, output: Nothing.self, errors: [.notFound, .conflict]
      ) { context, answer in
        let id = try context.pathID("id")
        let version = try EntityTag.expected(context.request)
        write(context, answer) { transaction in
          try SearchRules.delete(transaction, id: id, expectedVersion: version)
          return .noContent
        }
      },
    ]
  }

  private var indexRoute: Route {
    routeLater(
      .post, "/search/index", "indexProducts",
      "Prove that products are in the index as their records say; it is never behind. Where one is "
        + "not, the index is made anew.",
      caller: .admin, body: SearchIndexRequest.self, output: SearchIndexReport.self, on: .pool
    ) { context, answer in
      let request = context.body
      try read(context, answer) { snapshot in
        var report = try SearchIndexReport.of(request, snapshot)
        if report.data.contains(where: { $0.status == .differs }) {
          // One that runs already does as well.
          _ = try? reindexing.start()
          report.isRebuilding = true
        }
        return .ok(report)
      }
    }
  }

  private var analyticsRoute: Route {
    routeLater(
      .get, "/search/analytics", "searchAnalytics",
      "What was searched for, what was not found, and what was opened, over whole days in UTC.",
      caller: .admin,
      query: Self.pageParameters + [
        QueryParameter("report", .oneOf(SearchAnalyticsReport.allCases.map(\.rawValue))),
        QueryParameter("from", .time, "30 days before the end, without it."),
        QueryParameter("to", .time, "Today, without it."),
      ], output: SearchAnalyticsPage.self, errors: [.validation, .invalidInput],
      on: .pool
    ) { context, answer in
      var analytics = SearchAnalytics()
      analytics.report =
        context.query("report").flatMap { SearchAnalyticsReport(rawValue: $0) } ?? .top
      analytics.from = context.query("from").flatMap { Timestamp($0) }
      analytics.to = context.query("to").flatMap { Timestamp($0) }
      analytics.limit = Int(context.query("limit", default: 20))
      analytics.cursor = context.query("cursor")
      let asked = analytics
      // What waits is written first, so that the figures are of all searches that were answered. A store
      // that takes no writes is read as it is.
      try? market.searches.writeBlocking(to: market.database)
      try read(context, answer) { snapshot in
        .ok(try asked.page(snapshot.records, at: .now, market.keys.cursors))
      }
    }
  }
}
