// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// Connections that hear each other. What they say in one turn of the loop goes out at its end, one write for each.
///
/// Lives on the event loop of its first member; others hop there.
final class Group: @unchecked Sendable {
    let eventLoop: any EventLoop
    private var members: [any Channel] = []
    private var log = ByteBuffer()
    private var isFlushing = false

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func join(_ channel: any Channel) {
        onLoop { self.members.append(channel) }
    }

    func leave(_ channel: any Channel) {
        onLoop { self.members.removeAll { $0 === channel } }
    }

    /// A packet that a member sent.
    func say(_ packet: ByteBuffer) {
        guard eventLoop.inEventLoop else {
            eventLoop.execute { self.say(packet) }
            return
        }
        log.writeImmutableBuffer(packet)
        guard !isFlushing else { return }
        isFlushing = true
        // Tasks run when everything that was ready has been read.
        eventLoop.execute { self.flush() }
    }

    private func flush() {
        isFlushing = false
        for member in members {
            // Above the high watermark: this one does not read.
            guard member.isWritable else {
                member.close(promise: nil)
                continue
            }
            member.writeAndFlush(log, promise: nil)
        }
        log.clear()
    }

    private func onLoop(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
    }
}

/// Forms groups in order of arrival.
final class Hub: Sendable {
    private struct Filling {
        var group: Group?
        var count = 0
    }

    private let size: Int
    private let filling = NIOLockedValueBox(Filling())

    /// Size 0 puts everybody into one group.
    init(size: Int) {
        self.size = size == 0 ? .max : size
    }

    func group(for eventLoop: any EventLoop) -> Group {
        filling.withLockedValue { filling in
            if let group = filling.group, filling.count < size {
                filling.count += 1
                return group
            }
            let group = Group(eventLoop: eventLoop)
            filling = Filling(group: group, count: 1)
            return group
        }
    }
}

/// Cuts packets out of the stream and says them to the group.
final class BroadcastHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let hub: Hub
    private let processor = NIOSingleStepByteToMessageProcessor(PacketDecoder())
    private var group: Group?

    init(hub: Hub) {
        self.hub = hub
    }

    func channelActive(context: ChannelHandlerContext) {
        let group = hub.group(for: context.eventLoop)
        group.join(context.channel)
        self.group = group
    }

    func channelInactive(context: ChannelHandlerContext) {
        group?.leave(context.channel)
        group = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let group else { return }
        do {
            try processor.process(buffer: unwrapInboundIn(data)) { group.say($0) }
        } catch {
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
