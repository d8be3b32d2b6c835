// The schema of a record says what the visit says.

import Bytes
import Testing

@Suite struct FieldSchemaTests {
  @Test func aSchemaNamesEveryFieldWithItsShapeAndRules() throws {
    let schema = FieldSchema.describe(Sample.self)
    #expect(schema.name == "Sample")
    #expect(schema.fields.map(\.name) == FieldNames.all(of: Sample.self))
    let byName = Dictionary(uniqueKeysWithValues: schema.fields.map { ($0.name, $0) })
    #expect(byName["id"]?.schema == .string(format: "uuid"))
    #expect(byName["title"]?.rules == .length(1...20).required)
    #expect(byName["note"]?.isOptional == true && byName["title"]?.isOptional == false)
    #expect(byName["picture"]?.schema == .string(format: "base64url"))
    #expect(byName["tags"]?.schema == .array(.string(format: nil)))
    #expect(byName["metadata"]?.schema == .map(.string(format: nil)))
    #expect(byName["status"]?.schema == .enumeration(["draft", "active", "retired"]))
    #expect(byName["price"]?.schema == .amount)
    #expect(byName["related"]?.number == 100)
    guard case .record(let size)? = byName["size"]?.schema else {
      Issue.record("size is not a record")
      return
    }
    #expect(size.fields.map(\.name) == ["width", "height", "unit"])
  }

  @Test func aTypeThatContainsItselfEndsInAReference() {
    let schema = FieldSchema.describe(FieldBinaryTests.Chain.self)
    #expect(schema.fields.first?.schema == .array(.reference("Chain")))
  }
}
