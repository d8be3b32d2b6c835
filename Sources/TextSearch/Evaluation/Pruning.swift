// Pruning: leaves out what cannot be one of the best hits, where nothing but these is wanted.
//
// Of each list of postings a window has a bound: the score of its blocks' largest counts at their least
// norms. The bound of a text in a field is the sum of its words'; of several fields, the greatest or the
// sum of theirs. A window whose bound is below the worst hit that is kept is not looked at at all. Where
// the best field counts alone, neither is a field whose bound is below: a document's score is then that of
// another field, or too low. (Block-max bounds after Ding and Suel, "Faster top-k document retrieval
// using block-max indexes", 2011; whole clauses instead of single lists.)
//
// Invariants
// 1. What is scored is scored by the same additions in the same order as without pruning, so the hits have
//    the same bits. Only documents that score below `least` may be missing, or score less.
// 2. A bound is at least each score that is computed in floating point, whatever its rounding.

final class Pruning {
  /// Documents that score less are not wanted; below zero: all are.
  var least: Float = -1
  /// Whether anything was left out, so that matches cannot be counted.
  var hasLeftOut = false

  /// Sums of bounds are not rounded as those of the scores are.
  private static let slack: Float = 1 + 1e-5

  /// Whether what scores at most `bound` can be left out; then it is counted as left out.
  @inline(__always)
  func leavesOut(_ bound: Float) -> Bool {
    guard least > 0, bound * Self.slack < least else { return false }
    hasLeftOut = true
    return true
  }
}
