// Clauses about values: term, terms, range, exists, ids and places.

import Bytes
import Marketplace
import TextSearch

extension ElasticQuery {
  /// Documents whose field is exactly `value`.
  func equal(_ field: ElasticField, _ value: JSONValue) throws(ElasticError) -> TextExpression {
    switch field.kind {
    case .text(let name, _, _):
      return .term(field: name, value: try ElasticValue.text(value, "\(field.name)"))
    case .keyword(let name):
      return .term(field: name, value: try ElasticValue.text(value, "\(field.name)"))
    case .number(let column, let digits):
      guard let cell = DocumentCells.floor(value, digits: digits) else { throw bad(field) }
      return cell.isExact ? .range(column: column, from: cell.cell, to: cell.cell) : .nothing
    case .date(let column):
      guard let date = DocumentCells.date(value, now: .now) else { throw bad(field) }
      return .range(
        column: column, from: date.from, to: Self.sum(date.from, date.width - 1))
    case .flag(let column):
      switch value {
      case .bool(true), .string("true"): return .range(column: column, from: 1, to: nil)
      case .bool(false), .string("false"), .string(""):
        return .range(column: column, from: nil, to: 0)
      default: throw bad(field)
      }
    case .identifier: return .keys([key(value)].compactMap { $0 })
    case .place: throw .illegal("[\(field.name)] is a place: use geo_distance or geo_bounding_box")
    case .completion: throw .illegal("[\(field.name)] is for [suggest] only")
    }
  }

  private func bad(_ field: ElasticField) -> ElasticError {
    .parsing("a value for [\(field.name)] is no \(field.type)")
  }

  private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
    let sum = left.addingReportingOverflow(right)
    return sum.overflow ? (right < 0 ? .min : .max) : sum.partialValue
  }

  /// The engine's key of a document's identifier; nil when it is none.
  private func key(_ value: JSONValue) -> [UInt8]? {
    switch value {
    case .string(let text), .number(let text): mapping.key(of: text)
    default: nil
    }
  }

  func term(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    let (name, value) = try field(body, "term")
    var members = try self.members(value, "term", alone: "value")
    guard let wanted = members.take("value") else { throw .parsing("[term] requires [value]") }
    try members.require("case_insensitive", oneOf: ["false"])
    let boost = try self.boost(&members)
    try members.finish()
    guard let field = mapping[name] else { return .nothing }
    return boosted(try equal(field, wanted), boost)
  }

  func terms(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "terms")
    let boost = try self.boost(&members)
    guard let member = members.takeAny(), case .array(let values) = member.value else {
      throw .parsing("[terms] requires a field with a list of values")
    }
    try members.finish()
    guard values.count <= TextLimits.clauses else {
      throw .illegal("[terms] takes at most \(TextLimits.clauses) values")
    }
    guard let field = mapping[member.name] else { return .nothing }
    switch field.kind {
    case .text(let name, _, _):
      let texts = try ElasticValue.names(.array(values), "terms")
      return boosted(.constant(.terms(field: name, values: texts), score: 1), boost)
    case .keyword(let name):
      let texts = try ElasticValue.names(.array(values), "terms")
      return boosted(.constant(.terms(field: name, values: texts), score: 1), boost)
    case .identifier:
      return boosted(.keys(values.compactMap(key)), boost)
    default:
      var bool = TextBool()
      for value in values { bool.should.append(try equal(field, value)) }
      if bool.should.isEmpty { return .nothing }
      return boosted(.constant(.bool(bool), score: 1), boost)
    }
  }

  func range(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    let (name, value) = try field(body, "range")
    var members = try ElasticMembers(value, of: "range")
    try members.require("format", oneOf: DocumentCells.dateFormats)
    try members.require("time_zone", oneOf: ["UTC", "Z", "+00:00"])
    try members.refuse("relation")
    let boost = try self.boost(&members)
    let (gte, gt) = (members.take("gte") ?? members.take("from"), members.take("gt"))
    let (lte, lt) = (members.take("lte") ?? members.take("to"), members.take("lt"))
    try members.finish()
    guard let field = mapping[name] else { return .nothing }
    var from: Int64?
    var to: Int64?
    let column: String
    switch field.kind {
    case .number(let number, let digits):
      column = number
      from = try bound(gte, field) { Self.least(notBelow: $0, digits) }
      let above = try bound(gt, field) { Self.least(above: $0, digits) }
      from = [from, above].compactMap { $0 }.max()
      to = try bound(lte, field) { DocumentCells.floor($0, digits: digits)?.cell }
      let below = try bound(lt, field) { Self.least(notBelow: $0, digits).map { Self.sum($0, -1) } }
      to = [to, below].compactMap { $0 }.min()
    case .date(let date):
      column = date
      from = try bound(gte, field) { DocumentCells.date($0, now: .now)?.from }
      let above = try bound(gt, field) {
        DocumentCells.date($0, now: .now).map { Self.sum($0.from, $0.width) }
      }
      from = [from, above].compactMap { $0 }.max()
      to = try bound(lte, field) {
        DocumentCells.date($0, now: .now).map { Self.sum($0.from, $0.width - 1) }
      }
      let below = try bound(lt, field) {
        DocumentCells.date($0, now: .now).map { Self.sum($0.from, -1) }
      }
      to = [to, below].compactMap { $0 }.min()
    default:
      throw .illegal("[range] needs a number or a date, and [\(name)] is \(field.type)")
    }
    return boosted(.range(column: column, from: from, to: to), boost)
  }

  private func bound(
    _ value: JSONValue?, _ field: ElasticField, _ read: (JSONValue) -> Int64?
  ) throws(ElasticError) -> Int64? {
    guard let value else { return nil }
    guard let cell = read(value) else { throw bad(field) }
    return cell
  }

  private static func least(notBelow value: JSONValue, _ digits: Int) -> Int64? {
    DocumentCells.floor(value, digits: digits).map { $0.isExact ? $0.cell : sum($0.cell, 1) }
  }

  private static func least(above value: JSONValue, _ digits: Int) -> Int64? {
    DocumentCells.floor(value, digits: digits).map { sum($0.cell, 1) }
  }

  func exists(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "exists")
    guard let name = try members.text("field") else { throw .parsing("[exists] requires [field]") }
    let boost = try self.boost(&members)
    try members.finish()
    let expression: TextExpression =
      switch mapping[name]?.kind {
      case nil: .nothing
      case .text(let field, _, _)?: .exists(field)
      case .keyword(let column)?: .exists(column)
      case .number(let column, _)?: .exists(column)
      case .date(let column)?: .exists(column)
      case .flag(let column)?: .exists(column)
      case .identifier?: .all
      case .completion(let field, _)?: .exists(field)
      case .place?: .exists("location")
      }
    return boosted(expression, boost)
  }

  func ids(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "ids")
    guard case .array(let values)? = members.take("values") else {
      throw .parsing("[ids] requires a list of [values]")
    }
    guard values.count <= TextLimits.window else {
      throw .illegal("[ids] takes at most \(TextLimits.window) values")
    }
    let boost = try self.boost(&members)
    try members.finish()
    return boosted(.keys(values.compactMap(key)), boost)
  }

  // MARK: Places

  func distance(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "geo_distance")
    guard let value = members.take("distance"), let metres = DocumentCells.distance(value) else {
      throw .parsing("[geo_distance] requires a [distance] such as 5km or 3mi")
    }
    members.ignore("distance_type", "validation_method", "ignore_unmapped")
    let boost = try self.boost(&members)
    let place = try self.place(&members)
    try members.finish()
    return boosted(.withinDistance(of: place, metres: metres), boost)
  }

  /// The one member that is left: a field of places with a place.
  func place(_ members: inout ElasticMembers) throws(ElasticError) -> GeoPoint {
    guard let member = members.takeAny(), mapping[member.name]?.kind == .place else {
      throw .parsing("[\(members.clause)] requires a field of type geo_point")
    }
    guard let place = DocumentCells.place(member.value) else {
      throw .parsing("[\(members.clause)] [\(member.name)] must be a place on Earth, {lat, lon}")
    }
    return place
  }

  func box(_ body: JSONValue) throws(ElasticError) -> TextExpression {
    var members = try ElasticMembers(body, of: "geo_bounding_box")
    members.ignore("validation_method", "type", "ignore_unmapped")
    let boost = try self.boost(&members)
    guard let member = members.takeAny(), mapping[member.name]?.kind == .place else {
      throw .parsing("[geo_bounding_box] requires a field of type geo_point")
    }
    try members.finish()
    let box = member.value
    func side(_ name: String) -> Double? { box[name].flatMap(ElasticValue.number) }
    var corners = (
      box["top_left"].flatMap(DocumentCells.place), box["bottom_right"].flatMap(DocumentCells.place)
    )
    if let top = side("top"), let left = side("left"), let bottom = side("bottom"),
      let right = side("right")
    {
      corners = (
        GeoPoint(degreesLatitude: top, degreesLongitude: left),
        GeoPoint(degreesLatitude: bottom, degreesLongitude: right)
      )
    }
    guard let topLeft = corners.0, let bottomRight = corners.1,
      topLeft.latitude >= bottomRight.latitude
    else {
      throw .parsing("[geo_bounding_box] requires [top_left] and a [bottom_right] south of it")
    }
    return boosted(.withinBox(topLeft: topLeft, bottomRight: bottomRight), boost)
  }
}
