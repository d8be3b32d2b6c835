// What `souk store` knows of the tables: all that the marketplace declares, with their indexes.

import Marketplace
import RecordStore
import Testing

@testable import Server

@Suite struct StoreTableTests {
  @Test func everyTableOfTheMarketplaceIsPrintedAsWhatItIs() {
    let known = Dictionary(
      StoreTable.all.map { ($0.descriptor.number, $0) }, uniquingKeysWith: { first, _ in first })
    #expect(known.count == StoreTable.all.count, "a table is listed twice")
    #expect(known.keys.sorted() == MarketTables.all.map(\.number).sorted())
    for table in MarketTables.all {
      for index in table.indexes {
        #expect(
          known[table.number]?.indexes[index.number] != nil,
          "\(table.name).\(index.name) would be printed in hex")
      }
    }
  }
}
