// SPDX-License-Identifier: Apache-2.0

internal import FuzzTargets

/// What libFuzzer calls with every input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.session.run(UnsafeBufferPointer(start: bytes, count: count))
    return 0
}
