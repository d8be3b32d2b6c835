// Routes of categories.

import Bytes
import Database
import Marketplace
import RecordStore

extension MarketplaceServer {
  var categoryRoutes: RouteGroup {
    RouteGroup("Categories", writesOnce: true) {
      routeLater(
        .get, "/categories", "listCategories",
        "The tree in pre-order, with the number of active products below each node.",
        output: CategoryTree.self, on: .pool
      ) { context, answer in
        try read(context, answer) { snapshot in .ok(try Categories.tree(snapshot.records)) }
      }
      routeLater(
        .post, "/categories", "createCategory", "Add a category.", caller: .admin,
        body: CategoryInput.self, output: CategoryView.self, status: 201,
        errors: [.notFound, .alreadyExists]
      ) { context, answer in
        write(context, answer) { transaction in
          let category = try Categories.create(transaction, context.body)
          return .created(
            CategoryView(category, productCount: 0),
            location: "/api/v1/products?category=\(category.slug)")
        }
      }
      routeLater(
        .put, "/categories/{id}", "changeCategory",
        "Rename or move a category; its products follow.", caller: .admin,
        body: CategoryChange.self, output: CategoryView.self,
        errors: [.notFound, .alreadyExists, .conflict]
      ) { context, answer in
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          let category = try Categories.change(transaction, id: id, context.body)
          let count = try Categories.activeCount(transaction, in: category)
          return .ok(CategoryView(category, productCount: count))
        }
      }
      routeLater(
        .delete, "/categories/{id}", "deleteCategory", "Remove an empty category.",
        caller: .admin, output: Nothing.self, errors: [.notFound, .conflict]
      ) { context, answer in
        let id = try context.pathID("id")
        write(context, answer) { transaction in
          try Categories.remove(transaction, id: id)
          return .noContent
        }
      }
    }
  }
}
