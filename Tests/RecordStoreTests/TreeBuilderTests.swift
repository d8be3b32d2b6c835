// A tree built in bulk against the same tree built by puts.

import Bytes
import RecordStore
import Testing

@Suite struct TreeBuilderTests {
  @Test(arguments: TreeWorkload.allCases, [0.5, 0.9, 1])
  func buildsWhatPutsWouldBuild(_ workload: TreeWorkload, fill: Double) throws {
    let comment: Comment = "workload \(workload), fill \(fill)"
    var random = SeededRandom(seed: 23)
    var model = TreeModel()
    for counter in 0..<(workload == .large ? 300 : 2500) {
      _ = model.put(workload.key(&random, counter), workload.value(&random))
    }
    let pages = TreeTestPages(pageSize: 4096)
    let editor = TreeEditor(pages: pages)
    var builder = TreeBuilder(pages: pages, fill: fill)
    for entry in model.entries { try builder.append(key: entry.key, value: entry.value) }
    var root = try builder.finish()
    try editor.seal(&root)
    pages.endGroup()
    pages.expectClean(roots: [root], comment)
    let built = try scanned(TreeReader(pages: pages, root: root), KeyRange(), reverse: false)
    #expect(same(built, model.entries), comment)
    // The built tree is an ordinary one: it can be emptied.
    for entry in model.entries.shuffled(using: &random) {
      #expect(try editor.delete(&root, key: entry.key), comment)
    }
    #expect(root == .empty, comment)
    #expect(pages.live.isEmpty && pages.liveExtents.isEmpty, comment)
    #expect(pages.breaches == [], comment)
  }

  @Test func refusesKeysOutOfOrder() throws {
    var builder = TreeBuilder(pages: TreeTestPages(pageSize: 4096))
    try builder.append(key: [2], value: [])
    for key in [[UInt8](), [1], [2]] {
      #expect(throws: StoreError.self) { try builder.append(key: key, value: []) }
    }
  }

  @Test func anEmptyBuildIsAnEmptyTree() throws {
    var builder = TreeBuilder(pages: TreeTestPages(pageSize: 4096))
    #expect(try builder.finish() == .empty)
  }
}
