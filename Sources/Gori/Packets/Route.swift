// SPDX-License-Identifier: Apache-2.0

public import Wire

/// What happens with one packet type: where it is legal, how long its body may be, and who handles it.
///
/// `~Copyable`, because a closure in a copyable value is retained and released around every call.
@usableFromInline
struct Route: ~Copyable {
    @usableFromInline typealias Call = (RawSpan, Session, UnsafeMutableRawPointer) throws(DecodeError) -> Void

    private let call: Call
    let minimumBody: Int
    let maximumBody: Int
    let stages: UInt8

    @usableFromInline
    init(body: ClosedRange<Int>, stages: UInt8, _ call: @escaping Call) {
        self.call = call
        minimumBody = body.lowerBound
        maximumBody = body.upperBound
        self.stages = stages
    }

    /// A type that nobody handles: no body is long enough for it and short enough at once.
    static func none() -> Route {
        Route(body: 0...0, stages: 0) { (_, _, _) throws(DecodeError) in throw .invalidValue }
    }

    @inline(__always)
    borrowing func callAsFunction(
        _ body: RawSpan, _ session: Session, _ state: UnsafeMutableRawPointer
    ) throws(DecodeError) {
        try call(body, session, state)
    }
}
