// SPDX-License-Identifier: Apache-2.0

/// A packet that one session alone gets, for one of its commands.
struct Answer: BitwiseCopyable {
    enum What: BitwiseCopyable {
        case entered(request: UInt32, code: EnterCode, object: UInt32, x: UInt16, y: UInt16)
        case moved(sequence: UInt32, clientTime: UInt64, code: MoveCode, x: UInt16, y: UInt16)
        case done(request: UInt32, code: ResultCode)
    }

    let session: UInt64
    let number: UInt32
    let what: What
}
