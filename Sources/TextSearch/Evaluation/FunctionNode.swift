// FunctionNode: a query's scores, changed by functions of the document. Computed in Double, one document
// after another, and kept at zero or more: a score below zero or not a number becomes zero.

import Glibc

final class FunctionNode: WindowNode {
  private let inner: WindowNode
  private let functions: [(filter: WindowNode?, function: FunctionPlan.Function)]
  private let plan: FunctionPlan
  private let ordinals: UnsafePointer<UInt32>
  private let places: PlaceIndex
  private let spare: WindowBuffer
  private let accepted: [UnsafeMutablePointer<UInt64>]

  init(
    _ inner: WindowNode, _ functions: [(filter: WindowNode?, function: FunctionPlan.Function)],
    _ plan: FunctionPlan, _ binder: SegmentBinder
  ) {
    (self.inner, self.functions, self.plan) = (inner, functions, plan)
    ordinals = binder.segment.ordinals.base
    places = binder.segment.places
    spare = binder.scratch.makeBuffer()
    accepted = functions.map { _ in binder.scratch.makeBits() }
  }

  override var looksAtDocuments: Bool { inner.looksAtDocuments }

  override func restrict(
    _ window: Window, _ bits: UnsafeMutablePointer<UInt64>, _ spare: WindowBuffer
  ) {
    inner.restrict(window, bits, spare)
  }

  override func evaluate(_ window: Window, _ buffer: WindowBuffer) -> Bool {
    guard inner.evaluate(window, buffer) else { return false }
    for (index, entry) in functions.enumerated() {
      accepted[index].update(from: buffer.bits, count: Window.words)
      entry.filter?.restrict(window, accepted[index], spare)
    }
    for word in 0..<Window.words {
      forEachBit(buffer.bits[word], word) { slot in
        buffer.scores[slot] = score(window.start + slot, slot, buffer.scores[slot])
      }
    }
    return true
  }

  private func score(_ document: Int, _ slot: Int, _ score: Float) -> Float {
    var values = 0
    var combined = 0.0
    for (index, entry) in functions.enumerated() {
      guard accepted[index][slot >> 6] >> UInt64(slot & 63) & 1 == 1 else { continue }
      if plan.scoreMode == .first, values > 0 { break }
      let value = Self.value(entry.function, ordinals[document]) { places.point(document) }
      combined = values == 0 ? value : combine(combined, value)
      values += 1
    }
    if plan.scoreMode == .average, values > 0 { combined /= Double(values) }
    let own = Double(score)
    // Where no function applies the query's score stands as it is.
    let result = (values == 0 ? own : boost(own, combined)) * plan.boost
    return result > 0 ? Float(min(result, 1e30)) : 0
  }

  private func combine(_ left: Double, _ right: Double) -> Double {
    switch plan.scoreMode {
    case .multiply: left * right
    case .sum, .average: left + right
    case .first: left
    case .max: max(left, right)
    case .min: min(left, right)
    }
  }

  private func boost(_ score: Double, _ function: Double) -> Double {
    switch plan.boostMode {
    case .multiply: score * function
    case .replace: function
    case .sum: score + function
    case .average: (score + function) / 2
    case .max: max(score, function)
    case .min: min(score, function)
    }
  }

  private static func value(
    _ function: FunctionPlan.Function, _ ordinal: UInt32, _ place: () -> GeoPoint?
  ) -> Double {
    switch function {
    case .weight(let weight): return weight
    case .column(let cells, let factor, let modifier, let missing):
      let cell = cells[ordinal]
      return modified(
        modifier, factor * (cell == NumericCell.none ? missing : Double(cell)))
    case .gaussColumn(let cells, let origin, let offset, let spread):
      let cell = cells[ordinal]
      // Without a value there is nothing to be far away.
      guard cell != NumericCell.none else { return 1 }
      return gauss(abs(Double(cell) - origin), offset, spread)
    case .gaussDistance(let origin, let offset, let spread):
      guard let place = place() else { return 1 }
      return gauss(origin.metres(to: place), offset, spread)
    }
  }

  private static func gauss(_ distance: Double, _ offset: Double, _ spread: Double) -> Double {
    let beyond = max(0, distance - offset)
    return exp(-beyond * beyond / spread)
  }

  private static func modified(
    _ modifier: TextFunctionScore.Function.Modifier, _ value: Double
  ) -> Double {
    switch modifier {
    case .none: value
    case .log1p: log10(1 + max(0, value))
    case .ln1p: log(1 + max(0, value))
    case .sqrt: max(0, value).squareRoot()
    case .square: value * value
    case .reciprocal: value == 0 ? 0 : 1 / value
    }
  }
}
