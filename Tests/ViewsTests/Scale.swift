// How much a random test does: enough for every change, or hours of it with SOUK_NIGHTLY=1.

import Foundation

private let isNight = ProcessInfo.processInfo.environment["SOUK_NIGHTLY"] == "1"

/// The number of cases: `ci` for each change, `nightly` when there are hours.
func scaled(ci: Int, nightly: Int) -> Int { isNight ? nightly : ci }
