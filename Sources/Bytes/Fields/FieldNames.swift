// FieldNames: the names of a record's fields, for the suggestion beside an unknown one.

public enum FieldNames {
  /// Every field name, in the order of the numbers.
  public static func all(of type: any Fields.Type) -> [String] {
    func collect<T: Fields>(_ type: T.Type) -> [String] {
      var collector = NameCollector()
      var record = T()
      do {
        try record.visit(&collector)
      } catch {
        // A visit that throws of its own has still named what came before.
      }
      return collector.names
    }
    return collect(type)
  }

  /// The name with the smallest edit distance, if it is near enough to be a slip.
  static func nearest(to name: String, of type: any Fields.Type) -> String? {
    // Longer than any field's name; also bounds the quadratic distance.
    guard name.utf8.count <= 40 else { return nil }
    let given = Array(name.lowercased().utf8)
    var best: (name: String, distance: Int)?
    for candidate in all(of: type) {
      let distance = distance(given, Array(candidate.lowercased().utf8))
      let length = max(given.count, candidate.utf8.count)
      // Two, so that a pair of swapped letters is found.
      let limit = length <= 3 ? 1 : max(2, length / 3)
      if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
  }

  /// Levenshtein distance in bytes, one row at a time.
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (index, byte) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in 0..<right.count {
        let substituted = diagonal + (byte == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(substituted, row[column] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}

private struct NameCollector: FieldVisitor {
  var names: [String] = []

  mutating func field<Value: FieldValue>(
    _ number: Int, _ name: StaticString, _ value: inout Value,
    _ rules: @autoclosure () -> FieldRules
  ) throws(FieldError) {
    names.append(name.description)
  }
}
