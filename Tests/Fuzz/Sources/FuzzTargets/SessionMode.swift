// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Gori
internal import Overlapped
internal import Wire

/// How the server of one input is configured: small limits, so that short inputs reach them.
struct SessionMode {
    static let heartbeat = 10_000
    static let violationBudget = 4
    static let sessions = 24
    /// The body of a hello that is served.
    static let hello: [UInt8] = [7, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]

    let hasLayer: Bool
    let takesAnyPacket: Bool
    let takesBytes: Bool
    let workers: Int
    let framing: Framing
    /// Clients go on reading while the server drains.
    let readsToTheEnd: Bool
    /// What sessions have when the server stops, in milliseconds; the short one ends before a close does.
    let drainTimeout: Int
    /// The large one is more than what one flush sends.
    let backlogLimit: Int
    /// Sessions that one turn sends to: more than there are, or few.
    let flushSlice: Int
    /// Each packet is a part of its own.
    let sendsPackets: Bool

    init(_ byte: UInt8) {
        let kind = byte & 7
        hasLayer = kind < 4 || kind == 7
        takesAnyPacket = kind == 5
        takesBytes = kind == 6
        workers = byte & 8 == 0 ? 1 : 2
        readsToTheEnd = byte & 16 == 0
        backlogLimit = byte & 64 == 0 ? 16_384 : 524_288
        drainTimeout = byte & 32 == 0 ? 5_000 : 1_000
        flushSlice = byte & 128 == 0 ? 256 : 3
        sendsPackets = byte & 0xC0 == 0xC0
        switch kind {
        case 3: framing = Framing(byteOrder: .bigEndian, maximumPacketSize: 1_024)
        case 4: framing = Framing(sizeWidth: .one, typeWidth: .one)
        case 7: framing = Framing(sizeWidth: .four, sizeIncludesHeader: false, maximumPacketSize: 1_024)
        default: framing = Framing(maximumPacketSize: 1_024)
        }
    }

    var configuration: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.workers = workers
        configuration.framing = framing
        if hasLayer {
            let served = SessionLayer.ProtocolVersion(version: 7, fingerprint: 0x0807_0605_0403_0201)
            configuration.sessionLayer = .gori(serving: [served])
        }
        configuration.maximumSessions = Self.sessions
        configuration.maximumSessionsPerAddress = 0
        configuration.backlogLimit = backlogLimit
        configuration.backlogHighWater = backlogLimit / 4
        configuration.heartbeat = Self.heartbeat
        configuration.idleTimeout = hasLayer ? 0 : 20_000
        configuration.drainTimeout = drainTimeout
        configuration.violationBudget = Self.violationBudget
        configuration.maximumSlowParts = 2
        configuration.mailboxCapacity = 4
        configuration.flushSlice = flushSlice
        if sendsPackets { configuration.techniques = .sendPerPacket }
        return configuration
    }
}
