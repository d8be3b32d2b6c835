// ElasticAdmin: what is told of the server and of its indices.

import Bytes
import Marketplace

/// What never changes while the server runs.
enum ElasticAdmin {
  static let health = JSONValue.object([
    .init("cluster_name", .string("souk")), .init("status", .string("green")),
    .init("timed_out", .bool(false)), .init("number_of_nodes", .int(1)),
    .init("number_of_data_nodes", .int(1)), .init("active_primary_shards", .int(1)),
    .init("active_shards", .int(1)), .init("relocating_shards", .int(0)),
    .init("initializing_shards", .int(0)), .init("unassigned_shards", .int(0)),
    .init("active_shards_percent_as_number", .number("100.0")),
  ])

  static let info = JSONValue.object([
    .init("name", .string("souk")), .init("cluster_name", .string("souk")),
    .init("cluster_uuid", .string("souk")),
    .init(
      "version",
      .object([
        .init("number", .string(ElasticDoor.version)),
        .init("build_flavor", .string("default")), .init("build_type", .string("souk")),
        .init("build_hash", .string("souk")), .init("build_date", .string("2024-01-01T00:00:00Z")),
        .init("build_snapshot", .bool(false)), .init("lucene_version", .string("9.11.1")),
        .init("minimum_wire_compatibility_version", .string("7.17.0")),
        .init("minimum_index_compatibility_version", .string("7.0.0")),
      ])),
    .init("tagline", .string("You Know, for Search")), .init("docs", .string("/docs")),
  ])

  static func mappings(_ index: any ElasticIndex) -> JSONValue {
    guard let made = index as? ElasticDocumentIndex else { return index.mapping.json }
    return ElasticMappingJSON.mappings(made.held.index)
  }

  static func settings(_ index: any ElasticIndex) -> JSONValue {
    if let made = index as? ElasticDocumentIndex {
      return ElasticMappingJSON.settings(made.held.index)
    }
    return .object([
      .init(
        "index",
        .object([
          .init("number_of_shards", .string("1")), .init("number_of_replicas", .string("0")),
        ]))
    ])
  }

  static func whole(_ index: any ElasticIndex) -> JSONValue {
    .object([
      .init("aliases", .object([])), .init("mappings", mappings(index)),
      .init("settings", settings(index)),
    ])
  }

  static let products = JSONValue.object([
    .init(
      ElasticDocuments.index,
      .object([
        .init("aliases", .object([])), .init("mappings", ElasticMapping.products.json),
        .init(
          "settings",
          .object([
            .init(
              "index",
              .object([
                .init("number_of_shards", .string("1")), .init("number_of_replicas", .string("0")),
              ]))
          ])),
      ]))
  ])
}
