// SPDX-License-Identifier: Apache-2.0

/// A number with three decimals, as texts and JSON write it; a microsecond is the last digit of a millisecond.
struct Decimal3: CustomStringConvertible {
    private let thousandths: UInt64

    /// Milliseconds of microseconds.
    init(microseconds: UInt64) { thousandths = microseconds }

    /// A quotient; 0 when there is nothing to divide by.
    init(_ dividend: UInt64, dividedBy divisor: UInt64) {
        let product = dividend.multipliedReportingOverflow(by: 1_000)
        thousandths = divisor == 0 || product.overflow ? 0 : product.partialValue / divisor
    }

    var description: String {
        let decimals = String(thousandths % 1_000)
        return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - decimals.count) + decimals
    }
}
