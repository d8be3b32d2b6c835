// How much a random test does: enough for every change, hours of it with SOUK_NIGHTLY=1, or a tenth
// with SOUK_REDUCED=1, under a sanitizer.

import Foundation

private let isNight = ProcessInfo.processInfo.environment["SOUK_NIGHTLY"] == "1"
private let isReduced = ProcessInfo.processInfo.environment["SOUK_REDUCED"] == "1"

/// The number of cases: `ci` for each change, `nightly` when there are hours.
func scaled(ci: Int, nightly: Int) -> Int {
  if isNight { return nightly }
  return isReduced ? max(1, ci / 10) : ci
}

/// The step from one case to the next, where a large one is a short test.
func spaced(ci: Int, nightly: Int) -> Int { isNight ? nightly : isReduced ? ci * 10 : ci }
