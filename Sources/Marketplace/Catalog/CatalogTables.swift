// CatalogTables: the tables of the catalogue and of the inventory, for the database's declaration.

import RecordStore

public enum CatalogTables {
  public static let all: [TableDescriptor] = [
    Product.table.descriptor, StockLevel.table.descriptor, StockMovement.table.descriptor,
    Location.table.descriptor, Category.table.descriptor, PastSlug.table.descriptor,
    Reservation.table.descriptor, AppliedFeed.table.descriptor,
  ]
}
