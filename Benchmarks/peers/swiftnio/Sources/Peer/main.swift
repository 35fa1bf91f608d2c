// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix

/// The peer of SwiftNIO: echo, packets and broadcast on `--threads` event loops.
func serve(_ options: Options) throws {
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: options.threads)
    let hub = Hub(size: options.group)
    let listener = try ServerBootstrap(group: loops)
        .serverChannelOption(.backlog, value: 4_096)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try prepare(channel, options.mode, hub) }
        }
        .bind(host: "127.0.0.1", port: options.port).wait()
    say("listening 127.0.0.1:\(listener.localAddress?.port ?? options.port)\nready\n")
    try listener.closeFuture.wait()
}

func prepare(_ channel: any Channel, _ mode: Options.Mode, _ hub: Hub) throws {
    let pipeline = channel.pipeline.syncOperations
    switch mode {
    case .echo: try pipeline.addHandlers([BackPressureHandler(), EchoHandler()])
    case .packet: try pipeline.addHandlers([BackPressureHandler(), PacketHandler()])
    case .broadcast:
        let limits = ChannelOptions.Types.WriteBufferWaterMark(low: 1 << 20, high: 4 << 20)
        try channel.syncOptions?.setOption(.writeBufferWaterMark, value: limits)
        try pipeline.addHandler(BroadcastHandler(hub: hub))
    }
}

func say(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

guard let options = Options(Array(CommandLine.arguments.dropFirst())) else {
    say("usage: Peer [--port N] [--mode echo|packet|broadcast] [--group G] [--threads N]\n")
    exit(64)
}
try serve(options)
