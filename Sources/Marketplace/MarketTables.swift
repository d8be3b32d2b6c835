// MarketTables: every table of the marketplace, for the database's declaration.
//
// Numbers are part of the format and never change: 1 users, 2 sessions, 3 products, 5 stock levels,
// 6 stock movements, 7 locations, 8 categories, 9 carts, 10 orders, 11 seller orders, 12 payment
// transactions, 13 ledger entries, 14 idempotency records, 15 test charges, 16 counters, 17 past
// slugs, 18...24 those of AccountTables, 25 reservations, 26 applied feeds of stock, 30 coupons,
// 31 their uses, 32 payment attempts, 33 escrows, 34 payment methods, 40 stored settings, 60 indices of
// documents, 61 their documents, 62 access keys, 80 days of searches, 81 their questions, 82 rules of the
// search.

import RecordStore
import Views

public enum MarketTables {
  public static let all: [TableDescriptor] =
    CatalogTables.all + AccountTables.all + SearchTables.all + [
      User.table.descriptor, Session.table.descriptor, Cart.table.descriptor,
      Order.table.descriptor, SellerOrder.table.descriptor, PaymentTransaction.table.descriptor,
      LedgerEntry.table.descriptor, IdempotencyRecord.table.descriptor,
      TestCharge.table.descriptor, Counter.table.descriptor, Coupon.table.descriptor,
      CouponUse.table.descriptor, PaymentAttempt.table.descriptor, Escrow.table.descriptor,
      PaymentMethod.table.descriptor, StoredSetting.table.descriptor,
      DocumentIndex.table.descriptor, IndexedDocument.table.descriptor,
      AccessKey.table.descriptor,
    ]

  /// Fresh, empty views of them, for the database's declaration.
  public static func makeViews() -> [any View] { [ProductSearch.makeIndex(), DocumentView()] }
}
