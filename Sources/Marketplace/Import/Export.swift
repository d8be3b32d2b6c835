// Export: the inverse of an import. The rows of an export, imported, give what was exported; a row that
// was made here carries its own identifier, by which an import finds it again. Deleted products are not
// in it: an export is no backup (`souk store backup` is one).

import Bytes
import RecordStore

public enum ExportFormat: String, CaseIterable, Sendable {
  case ndjson, csv
}

/// One column of a row, as JSON; CSV writes it as an import reads it.
private struct ExportColumn<Row> {
  var name: String
  var value: (Row) throws -> JSONValue

  init(_ name: String, _ value: @escaping (Row) throws -> JSONValue) {
    self.name = name
    self.value = value
  }
}

public struct Export {
  public private(set) var rows = 0
  private let format: ExportFormat
  private let write: ([UInt8]) throws -> Void

  /// - Parameter write: takes the file piece by piece.
  public init(_ format: ExportFormat, to write: @escaping ([UInt8]) throws -> Void) {
    self.format = format
    self.write = write
  }

  /// Writes every row of `kind` as `reader` has it, in the order of the primary keys.
  public mutating func run(_ kind: ImportKind, _ reader: some RecordReader) throws {
    switch kind {
    case .stores: try table(Location.self, Self.stores, reader)
    case .categories:
      // A category is imported after the one above it.
      let sorted = try reader.all(Category.self).sorted {
        $0.level != $1.level ? $0.level < $1.level : $0.id < $1.id
      }
      try header(Self.categories)
      for category in sorted { try row(category, Self.categories) }
    case .products:
      let columns = Self.products(reader)
      try header(columns)
      var next = KeyRange()
      while true {
        let batch = try reader.all(Product.self, next, limit: 256)
        for product in batch where !product.isDeleted { try row(product, columns) }
        guard let last = batch.last, batch.count == 256 else { return }
        next = KeyRange(from: last.primaryKey + [0])
      }
    }
  }

  private mutating func table<R: Record>(
    _ type: R.Type, _ columns: [ExportColumn<R>], _ reader: some RecordReader
  ) throws {
    try header(columns)
    for record in try reader.all(type) { try row(record, columns) }
  }

  // MARK: Rows

  private func header<Row>(_ columns: [ExportColumn<Row>]) throws {
    guard format == .csv else { return }
    try write(Array((columns.map(\.name).joined(separator: ",") + "\n").utf8))
  }

  private mutating func row<Row>(_ row: Row, _ columns: [ExportColumn<Row>]) throws {
    rows += 1
    switch format {
    case .ndjson:
      let members = try columns.compactMap { column -> JSONValue.Member? in
        let value = try column.value(row)
        return value == .null ? nil : .init(column.name, value)
      }
      var writer = JSONWriter()
      JSONValue.object(members).write(to: &writer)
      try write(writer.bytes + [0x0a])
    case .csv:
      let fields = try columns.map { Self.field(try $0.value(row)) }
      try write(Array((fields.joined(separator: ",") + "\n").utf8))
    }
  }

  /// Lists as `a|b`, maps as `a=b|c=d`, points as `lat,lon`, lists of objects as JSON; quoted where
  /// CSV needs it.
  private static func field(_ value: JSONValue) -> String {
    let text: String
    switch value {
    case .null: text = ""
    case .string(let content): text = content
    case .number(let digits): text = digits
    case .bool(let flag): text = flag ? "true" : "false"
    case .array(let elements):
      if case .object? = elements.first {
        var writer = JSONWriter()
        value.write(to: &writer)
        text = String(decoding: writer.bytes, as: UTF8.self)
      } else {
        text = elements.map(plain).joined(separator: "|")
      }
    case .object(let members):
      text =
        members.map(\.name) == ["lat", "lon"]
        ? members.map { plain($0.value) }.joined(separator: ",")
        : members.map { "\($0.name)=\(plain($0.value))" }.joined(separator: "|")
    }
    guard text.utf8.contains(where: { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }

  private static func plain(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .number(let digits): digits
    default: ""
    }
  }

  // MARK: Columns

  private static func text(_ text: String) -> JSONValue { text.isEmpty ? .null : .string(text) }

  private static func texts(_ texts: [String]) -> JSONValue {
    texts.isEmpty ? .null : .array(texts.map { .string($0) })
  }

  private static var stores: [ExportColumn<Location>] {
    [
      ExportColumn("id") { .string($0.externalID.isEmpty ? "\($0.id)" : $0.externalID) },
      ExportColumn("name") { .string($0.name.isEmpty ? "\($0.id)" : $0.name) },
      ExportColumn("address") { text($0.address) }, ExportColumn("city") { text($0.city) },
      ExportColumn("state") { text($0.state) }, ExportColumn("zip") { text($0.zipCode) },
      ExportColumn("country") { text($0.country) }, ExportColumn("hours") { text($0.hours) },
      ExportColumn("services") { texts($0.services) },
      ExportColumn("location") { location in
        guard let latitude = location.latitudeE7, let longitude = location.longitudeE7 else {
          return .null
        }
        return .object([
          .init("lat", .number(degrees(latitude))), .init("lon", .number(degrees(longitude))),
        ])
      },
    ]
  }

  private static func degrees(_ units: Int32) -> String {
    Amount(minor: Int64(units), digits: 7).description
  }

  private static var categories: [ExportColumn<Category>] {
    [
      ExportColumn("id") { .string($0.externalID.isEmpty ? "\($0.id)" : $0.externalID) },
      // A node without a name of its own is called by its identifier, as it was imported.
      ExportColumn("name") { .string($0.name) }, ExportColumn("path") { texts($0.path) },
    ]
  }

  private static func products(_ reader: some RecordReader) -> [ExportColumn<Product>] {
    [
      ExportColumn("externalId") { .string($0.externalID.isEmpty ? "\($0.id)" : $0.externalID) },
      ExportColumn("title") { .string($0.title) },
      ExportColumn("description") { .string($0.description) },
      ExportColumn("brand") { text($0.brand) },
      ExportColumn("categories") { texts($0.categoryPath) },
      ExportColumn("price") { product in
        let digits = Currency.digits(product.currency)
        return .number(Amount(minor: product.priceMinor, digits: digits).description)
      },
      ExportColumn("currency") { .string($0.currency) },
      ExportColumn("popularity") { .int($0.popularity) },
      ExportColumn("images") { texts($0.images.map(\.url)) },
      ExportColumn("attributes") { product in
        attributes(product.attributes)
      },
      ExportColumn("status") { .string($0.status.rawValue) },
      ExportColumn("storeId") { product in
        guard let id = product.locationID, let place = try reader.get(Location.self, key(id))
        else { return .null }
        return .string(place.externalID.isEmpty ? "\(place.id)" : place.externalID)
      },
      ExportColumn("stock") { product in
        guard product.variants.isEmpty, let id = product.locationID,
          let level = try reader.get(StockLevel.self, key(product.id, id))
        else { return .null }
        return .int(level.quantity)
      },
      ExportColumn("variants") { product in
        guard !product.variants.isEmpty else { return .null }
        return .array(try product.variants.map { try variant($0, of: product, reader) })
      },
    ]
  }

  private static func attributes(_ attributes: [String: String]) -> JSONValue {
    guard !attributes.isEmpty else { return .null }
    return .object(
      attributes.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })
  }

  private static func variant(
    _ variant: ProductVariant, of product: Product, _ reader: some RecordReader
  ) throws -> JSONValue {
    let price = Amount(minor: variant.priceMinor, digits: Currency.digits(product.currency))
    var stock = JSONValue.null
    if let place = product.locationID,
      let level = try reader.get(StockLevel.self, key(variant.id, place))
    {
      stock = .int(level.quantity)
    }
    let members: [JSONValue.Member] = [
      .init("name", .string(variant.name)), .init("sku", text(variant.sku)),
      .init("price", .number(price.description)),
      .init("attributes", attributes(variant.attributes)), .init("stock", stock),
    ]
    return .object(members.filter { $0.value != .null })
  }
}
