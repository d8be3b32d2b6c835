// CombiningNodes: matches and scores of several nodes made one.

import Kernels

/// The best or the sum of what the children score; any child's match is one.
final class UnionNode: WindowNode {
  private let children: [WindowNode]
  /// Of the scores that are not the best; nil: the sum.
  private let tie: Float?
  private let child: WindowBuffer
  private let sum: WindowBuffer

  init(_ children: [WindowNode], tie: Float?, _ binder: SegmentBinder) {
    self.children = children
    self.tie = tie
    child = binder.scratch.makeBuffer()
    sum = tie.map { $0 > 0 } == true ? binder.scratch.makeBuffer() : child
  }

  override var documentsMost: Int {
    children.reduce(0) { sum, child in min(.max / 2, sum) + min(.max / 2, child.documentsMost) }
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    let keepsSum = tie.map { $0 > 0 } == true
    var hasMatch = false
    for node in children {
      guard hasMatch else {
        hasMatch = node.evaluate(window, buffer)
        if hasMatch, keepsSum { sum.scores.update(from: buffer.scores, count: Window.documents) }
        continue
      }
      guard node.evaluate(window, child) else { continue }
      for word in 0..<Window.words { buffer.bits[word] |= child.bits[word] }
      if tie == nil {
        kernels_add(buffer.scores, child.scores, Window.documents)
      } else {
        kernels_max(buffer.scores, child.scores, Window.documents)
        if keepsSum { kernels_add(sum.scores, child.scores, Window.documents) }
      }
    }
    if hasMatch, keepsSum, let tie {
      for word in 0..<Window.words {
        forEachBit(buffer.bits[word], word) { slot in
          buffer.scores[slot] += tie * (sum.scores[slot] - buffer.scores[slot])
        }
      }
    }
    return hasMatch
  }
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
  /// Those that find their documents come first, those that look at each of the rest last.
  private let filter: [WindowNode]
  private let should: [WindowNode]
  private let mustNot: [WindowNode]
  private let minimumShould: Int
  private let isScored: Bool
  private let child: WindowBuffer
  private let optional: WindowBuffer
  private let matched: UnsafeMutablePointer<UInt64>
  private let steps: [UnsafeMutablePointer<UInt64>]

  init(_ parts: Parts, isScored: Bool, _ binder: SegmentBinder) {
    must = parts.must
    filter =
      parts.filter.filter { !$0.looksAtDocuments } + parts.filter.filter(\.looksAtDocuments)
    should = parts.should
    mustNot = parts.mustNot
    minimumShould = parts.minimumShould
    self.isScored = isScored
    child = binder.scratch.makeBuffer()
    optional = parts.should.isEmpty ? child : binder.scratch.makeBuffer()
    matched = binder.scratch.makeBits()
    steps = (0..<parts.minimumShould).map { _ in binder.scratch.makeBits() }
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    matched.update(repeating: 0, count: Window.words)
    for word in 0..<Window.words { buffer.bits[word] = 0 }
    buffer.setAll(window)
    // Every node must see every window that any of them sees, or its cursors stay behind; they catch up
    // by themselves, so a window may be left as soon as nothing is in it.
    var rest = filter[...]
    while let node = rest.first, !node.looksAtDocuments {
      node.restrict(window, buffer.bits, child)
      rest.removeFirst()
    }
    guard rest.count == filter.count || buffer.hasMatch() else { return false }
    if isScored { buffer.clearScores() }
    guard addRequired(window, buffer) else { return false }
    let hasShould = !should.isEmpty && evaluateShould(window)
    if minimumShould > 0 {
      guard hasShould, let enough = steps.last else { return false }
      for word in 0..<Window.words { buffer.bits[word] &= enough[word] }
    }
    for node in rest {
      guard buffer.hasMatch() else { return false }
      node.restrict(window, buffer.bits, child)
    }
    for node in mustNot { exclude(node, window, buffer) }
    guard buffer.hasMatch() else { return false }
    if isScored { finishScores(buffer, hasShould: hasShould) }
    return true
  }

  private func addRequired(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    for node in must {
      guard node.evaluate(window, child) else { return false }
      for word in 0..<Window.words {
        matched[word] |= child.bits[word]
        buffer.bits[word] &= child.bits[word]
      }
      if isScored { kernels_add(buffer.scores, child.scores, Window.documents) }
    }
    return true
  }

  private func evaluateShould(_ window: Window) -> Bool {
    var hasMatch = false
    for step in steps { step.update(repeating: 0, count: Window.words) }
    for node in should {
      let target = hasMatch ? child : optional
      guard node.evaluate(window, target) else { continue }
      if hasMatch {
        if isScored { kernels_add(optional.scores, child.scores, Window.documents) }
      }
      for word in 0..<Window.words {
        let found = target.bits[word]
        if hasMatch { optional.bits[word] |= found }
        for step in steps.indices.dropFirst().reversed() {
          steps[step][word] |= steps[step - 1][word] & found
        }
        if let first = steps.first { first[word] |= found }
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

  private func finishScores(_ buffer: WindowBuffer, hasShould: Bool) {
    if hasShould {
      kernels_add(buffer.scores, optional.scores, Window.documents)
      for word in 0..<Window.words { matched[word] |= optional.bits[word] }
    }
    buffer.clearScores(leaving: matched)
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
