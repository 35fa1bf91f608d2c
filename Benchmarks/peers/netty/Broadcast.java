// SPDX-License-Identifier: Apache-2.0

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.List;

/** Groups of connections that hear each other. */
final class Broadcast {
    private Broadcast() {}

    /**
     * What members say in one turn of the loop goes out at its end, one write for each, all from one buffer.
     *
     * <p>Lives on the event loop of its first member; others hop there.
     */
    static final class Group {
        private final EventLoop loop;
        private final List<Channel> members = new ArrayList<>();
        private ByteBuf log;

        Group(EventLoop loop) {
            this.loop = loop;
        }

        void run(Runnable body) {
            if (loop.inEventLoop()) {
                body.run();
            } else {
                loop.execute(body);
            }
        }

        /** Takes over the packet. */
        void say(ChannelHandlerContext context, ByteBuf packet) {
            if (log != null) {
                log = Handlers.append(context, log, packet);
                return;
            }
            log = packet;
            // Tasks run when everything that was ready has been read.
            loop.execute(this::flush);
        }

        private void flush() {
            for (Channel member : members) {
                if (member.isWritable()) {
                    member.writeAndFlush(log.retainedDuplicate(), member.voidPromise());
                } else {
                    loop.execute(member::close);
                }
            }
            log.release();
            log = null;
        }
    }

    /** Forms groups in order of arrival; of everybody when the size is 0. */
    static final class Hub {
        private final int size;
        private Group filling;
        private int arrived;

        Hub(int size) {
            this.size = size;
        }

        synchronized Group next(EventLoop loop) {
            if (filling == null || size > 0 && arrived == size) {
                filling = new Group(loop);
                arrived = 0;
            }
            arrived++;
            return filling;
        }
    }

    static final class Member extends ChannelInboundHandlerAdapter {
        private final Hub hub;
        private Group group;

        Member(Hub hub) {
            this.hub = hub;
        }

        @Override
        public void channelActive(ChannelHandlerContext context) {
            group = hub.next(context.channel().eventLoop());
            group.run(() -> group.members.add(context.channel()));
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            group.run(() -> group.members.remove(context.channel()));
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf packet = (ByteBuf) message;
            if (packet.readableBytes() < Handlers.HEADER) {
                packet.release();
                context.close();
                return;
            }
            group.run(() -> group.say(context, packet));
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }
}
