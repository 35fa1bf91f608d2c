// SPDX-License-Identifier: Apache-2.0

/// Ends the process with `what` where a promise does not hold: libFuzzer then writes the input to a file.
@inline(__always)
func promise(
    _ holds: Bool, _ what: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !holds { fatalError("broken promise: \(what())", file: file, line: line) }
}
