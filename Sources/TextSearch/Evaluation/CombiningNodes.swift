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
    steps = (0..<parts.minimumShould).map { _ in binder.scratch.makeBits() }
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    buffer.setAll(window)
    // Every node must see every window that any of them sees, or its cursors stay behind; they catch up
    // by themselves, so a window may be left as soon as nothing is in it.
    var rest = filter[...]
    while let node = rest.first, !node.looksAtDocuments {
      node.restrict(window, buffer.bits, child)
      rest.removeFirst()
    }
    guard rest.count == filter.count || buffer.hasMatch() else { return false }
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
    if isScored, hasShould { addOptional(buffer) }
    return true
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
