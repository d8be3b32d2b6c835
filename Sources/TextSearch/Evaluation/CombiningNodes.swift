// CombiningNodes: matches and scores of several nodes made one.

import Kernels

/// The best or the sum of what the children score; any child's match is one.
final class UnionNode: WindowNode {
  private let children: [WindowNode]
  /// Of the scores that are not the best; nil: the sum.
  private let tie: Float?
  private let isScored: Bool
  private let child: WindowBuffer
  /// Where ties count.
  private let sum: WindowBuffer?
  private var pruning: Pruning?

  init(_ children: [WindowNode], tie: Float?, isScored: Bool, _ binder: SegmentBinder) {
    self.children = children
    self.tie = tie
    self.isScored = isScored
    child = binder.scratch.makeBuffer()
    sum = isScored && (tie ?? 0) > 0 ? binder.scratch.makeBuffer() : nil
  }

  override var documentsMost: Int {
    children.reduce(0) { sum, child in min(.max / 2, sum) + min(.max / 2, child.documentsMost) }
  }

  override func prune(by pruning: Pruning) { self.pruning = pruning }

  override var canMatchFirst: Bool { children.allSatisfy(\.canMatchFirst) }

  override func findMatches(_ window: Window, _ bits: UnsafeMutablePointer<UInt64>) -> Bool {
    var hasMatch = false
    for node in children {
      guard node.findMatches(window, hasMatch ? child.bits : bits) else { continue }
      if hasMatch {
        for word in 0..<Window.words { bits[word] |= child.bits[word] }
      }
      hasMatch = true
    }
    return hasMatch
  }

  override func bound(_ window: Window) -> Float {
    var (best, all): (Float, Float) = (0, 0)
    for node in children {
      let bound = node.bound(window)
      best = max(best, bound)
      all += bound
    }
    guard let tie else { return all }
    return tie > 0 ? best + tie * (all - best) : best
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    var hasMatch = false
    let prunes = (pruning?.least ?? 0) > 0
    // Where only the best child counts, each is left out by itself.
    let prunesChildren = prunes && tie == 0
    if prunes, !prunesChildren, pruning?.leavesOut(bound(window)) == true { return false }
    for node in children {
      if prunesChildren, pruning?.leavesOut(node.bound(window)) == true { continue }
      guard hasMatch else {
        hasMatch = node.evaluate(window, buffer)
        if hasMatch, let sum {
          sum.bits.update(from: buffer.bits, count: Window.words)
          sum.scores.update(from: buffer.scores, count: Window.documents)
        }
        continue
      }
      guard node.evaluate(window, child) else { continue }
      if !isScored {
        for word in 0..<Window.words { buffer.bits[word] |= child.bits[word] }
      } else if tie == nil {
        kernels_merge_add(buffer.scores, buffer.bits, child.scores, child.bits, Window.words)
      } else {
        kernels_merge_max(buffer.scores, buffer.bits, child.scores, child.bits, Window.words)
        if let sum {
          kernels_merge_add(sum.scores, sum.bits, child.scores, child.bits, Window.words)
        }
      }
    }
    if hasMatch, let sum, let tie {
      for word in 0..<Window.words {
        forEachBit(buffer.bits[word], word) { slot in
          buffer.scores[slot] += tie * (sum.scores[slot] - buffer.scores[slot])
        }
      }
    }
    return hasMatch
  }
}

/// A filter that looks at each document, and how many it has let pass.
private struct LookingFilter {
  let node: WindowNode
  private var seen: Float
  private var kept: Float

  /// Begins with a guess that a few dozen documents outweigh.
  init(node: WindowNode) {
    self.node = node
    (seen, kept) = (32, 32 * node.guessedShare)
  }

  mutating func learn(seen: Int, kept: Int) {
    self.seen += Float(seen)
    self.kept += Float(kept)
  }

  var share: Float { kept / seen }

  /// How many looks it takes to take one document out.
  var price: Float { seen / max(seen - kept, 0.01) }
}

/// What all of `required` match and none of `excluded`, with enough of the optional ones.
final class BoolNode: WindowNode {
  struct Parts {
    /// Each adds its score.
    var must: [WindowNode] = []
    var filter: [WindowNode] = []
    var should: [WindowNode] = []
    var mustNot: [WindowNode] = []
    var minimumShould = 0
  }

  private let must: [WindowNode]
  /// Those that find their documents.
  private let finding: [WindowNode]
  /// Those that look at each document of the rest, in the order that has paid so far.
  private var looking: [LookingFilter]
  private let should: [WindowNode]
  private let mustNot: [WindowNode]
  private let minimumShould: Int
  private let isScored: Bool
  /// Whether the matches of `must` can be found and filtered before anything is scored.
  private let canFilterFirst: Bool
  private let child: WindowBuffer
  private let optional: WindowBuffer
  private let steps: [UnsafeMutablePointer<UInt64>]

  init(_ parts: Parts, isScored: Bool, _ binder: SegmentBinder) {
    must = parts.must
    finding = parts.filter.filter { !$0.looksAtDocuments }
    looking = parts.filter.filter(\.looksAtDocuments).map { LookingFilter(node: $0) }
    looking.sort { $0.price < $1.price }
    should = parts.should
    mustNot = parts.mustNot
    minimumShould = parts.minimumShould
    self.isScored = isScored
    canFilterFirst =
      isScored && !looking.isEmpty && !must.isEmpty && must.allSatisfy(\.canMatchFirst)
    child = binder.scratch.makeBuffer()
    optional = parts.should.isEmpty ? child : binder.scratch.makeBuffer()
    steps = (0..<parts.minimumShould).map { _ in binder.scratch.makeBits() }
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    buffer.setAll(window)
    // Every node must see every window that any of them sees, or its cursors stay behind; they catch up
    // by themselves, so a window may be left as soon as nothing is in it.
    var window = window
    for node in finding { node.restrict(window, buffer.bits, child) }
    if !finding.isEmpty {
      let count = buffer.matchCount()
      guard count > 0 else { return false }
      if 2 * count < window.end - window.start { window.wanted = UnsafePointer(buffer.bits) }
    }
    let matchesFirst = canFilterFirst && expectedShare < 0.5
    if matchesFirst {
      for node in must {
        guard node.findMatches(window, child.bits) else { return false }
        for word in 0..<Window.words { buffer.bits[word] &= child.bits[word] }
      }
      guard look(window, buffer) else { return false }
      window.wanted = UnsafePointer(buffer.bits)
    }
    guard addRequired(window, buffer) else { return false }
    let hasShould = !should.isEmpty && evaluateShould(window)
    if minimumShould > 0 {
      guard hasShould, let enough = steps.last else { return false }
      for word in 0..<Window.words { buffer.bits[word] &= enough[word] }
    }
    guard matchesFirst || look(window, buffer) else { return false }
    for node in mustNot { exclude(node, window, buffer) }
    guard buffer.hasMatch() else { return false }
    if isScored, hasShould { addOptional(buffer) }
    return true
  }

  /// Of the documents that the filters look at, about how many pass all of them.
  private var expectedShare: Float { looking.reduce(1) { $0 * $1.share } }

  /// False when nothing is left. What remains does not depend on the order of the filters; what it costs
  /// does, so they stand by what they have cost for each document that they took out.
  private func look(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    // Counting costs as much as a look at a few dozen documents: one window of eight tells enough.
    guard looking.count > 1, window.start & (8 * Window.documents - 1) == 0 else {
      for filter in looking { filter.node.restrict(window, buffer.bits, child) }
      return looking.isEmpty || buffer.hasMatch()
    }
    var count = buffer.matchCount()
    for index in looking.indices where count > 0 {
      looking[index].node.restrict(window, buffer.bits, child)
      let left = buffer.matchCount()
      looking[index].learn(seen: count, kept: left)
      count = left
    }
    looking.sort { $0.price < $1.price }
    return count > 0
  }

  /// The scores are the sum of the required ones afterwards, or zero.
  private func addRequired(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    var isFirst = true
    for node in must {
      guard node.evaluate(window, child) else { return false }
      for word in 0..<Window.words { buffer.bits[word] &= child.bits[word] }
      if isScored {
        for word in 0..<Window.words where buffer.bits[word] != 0 {
          Self.add(buffer, child.scores, word, replaces: isFirst)
        }
      }
      isFirst = false
    }
    if isScored, must.isEmpty { buffer.fill(0) }
    return true
  }

  /// Adds one word's scores, where the bits are set.
  @inline(__always)
  private static func add(
    _ buffer: WindowBuffer, _ scores: UnsafePointer<Float>, _ word: Int, replaces: Bool
  ) {
    let bits = buffer.bits[word]
    if replaces, bits.nonzeroBitCount > 12 {
      (buffer.scores + 64 * word).update(from: scores + 64 * word, count: 64)
    } else if replaces {
      forEachBit(bits, word) { buffer.scores[$0] = scores[$0] }
    } else {
      forEachBit(bits, word) { buffer.scores[$0] += scores[$0] }
    }
  }

  private func evaluateShould(_ window: Window) -> Bool {
    var hasMatch = false
    for step in steps { step.update(repeating: 0, count: Window.words) }
    for node in should {
      let target = hasMatch ? child : optional
      guard node.evaluate(window, target) else { continue }
      for word in 0..<Window.words {
        let found = target.bits[word]
        for step in steps.indices.dropFirst().reversed() {
          steps[step][word] |= steps[step - 1][word] & found
        }
        if let first = steps.first { first[word] |= found }
      }
      if hasMatch, isScored {
        kernels_merge_add(optional.scores, optional.bits, child.scores, child.bits, Window.words)
      } else if hasMatch {
        for word in 0..<Window.words { optional.bits[word] |= child.bits[word] }
      }
      hasMatch = true
    }
    return hasMatch
  }

  private func exclude(_ node: WindowNode, _ window: Window, _ buffer: WindowBuffer) {
    if node.looksAtDocuments {
      child.bits.update(from: buffer.bits, count: Window.words)
      node.restrict(window, child.bits, child)
    } else if !node.evaluate(window, child) {
      return
    }
    for word in 0..<Window.words { buffer.bits[word] &= ~child.bits[word] }
  }

  private func addOptional(_ buffer: WindowBuffer) {
    for word in 0..<Window.words {
      forEachBit(buffer.bits[word] & optional.bits[word], word) {
        buffer.scores[$0] += optional.scores[$0]
      }
    }
  }
}

/// Matches of a node, with one score.
final class ConstantNode: WindowNode {
  private let inner: WindowNode
  private let score: Float

  init(_ inner: WindowNode, score: Float) { (self.inner, self.score) = (inner, score) }

  override var looksAtDocuments: Bool { inner.looksAtDocuments }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    guard inner.evaluate(window, buffer) else { return false }
    buffer.fill(score)
    return true
  }

  override func restrict(
    _ window: Window, _ bits: UnsafeMutablePointer<UInt64>, _ spare: WindowBuffer
  ) {
    inner.restrict(window, bits, spare)
  }
}
