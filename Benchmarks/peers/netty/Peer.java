// SPDX-License-Identifier: Apache-2.0

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.net.InetSocketAddress;

/**
 * The peer of Netty: echo, packets and broadcast.
 *
 * <p>{@code Peer [--port N] [--mode echo|packet|broadcast] [--group G] [--threads N]}
 *
 * <p>Over the native epoll transport where its library is on the path, over that of java.nio elsewhere.
 */
public final class Peer {
    private static final int BACKLOG_LIMIT = 4 << 20;

    private int port;
    private String mode = "echo";
    private int groupSize = 10;
    private int threads = 1;

    public static void main(String[] words) throws Exception {
        Peer peer = new Peer();
        for (int i = 0; i + 1 < words.length; i += 2) {
            peer.set(words[i], words[i + 1]);
        }
        peer.serve();
    }

    private void set(String name, String value) {
        switch (name) {
            case "--port" -> port = Integer.parseInt(value);
            case "--mode" -> mode = value;
            case "--group" -> groupSize = Integer.parseInt(value);
            case "--threads" -> threads = Integer.parseInt(value);
            default -> throw new IllegalArgumentException(name);
        }
    }

    private void serve() throws InterruptedException {
        boolean isNative = Epoll.isAvailable();
        EventLoopGroup loops = isNative ? new EpollEventLoopGroup(threads) : new NioEventLoopGroup(threads);
        Class<? extends ServerChannel> kind =
                isNative ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
        Channel listener = new ServerBootstrap()
                .group(loops)
                .channel(kind)
                .option(ChannelOption.SO_BACKLOG, 4096)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(initializer())
                .bind("127.0.0.1", port).sync().channel();
        System.out.println("listening 127.0.0.1:" + ((InetSocketAddress) listener.localAddress()).getPort());
        System.out.println("ready");
        listener.closeFuture().sync();
    }

    private ChannelInitializer<Channel> initializer() {
        Broadcast.Hub hub = new Broadcast.Hub(groupSize);
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                switch (mode) {
                    case "echo" -> channel.pipeline().addLast(new Handlers.Echo());
                    case "packet" -> channel.pipeline().addLast(Handlers.decoder(), new Handlers.Packets());
                    case "broadcast" -> {
                        // A member that does not read is dropped when this much waits for it.
                        channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(1 << 20, BACKLOG_LIMIT));
                        channel.pipeline().addLast(Handlers.decoder(), new Broadcast.Member(hub));
                    }
                    default -> throw new IllegalArgumentException(mode);
                }
            }
        };
    }
}
