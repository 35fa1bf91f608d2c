// SPDX-License-Identifier: Apache-2.0

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import java.nio.ByteOrder;

/** Echo of bytes and of packets. */
final class Handlers {
    static final int HEADER = 4;

    private Handlers() {}

    /** Cuts packets, header included, out of a stream; the size counts the header. */
    static ChannelHandler decoder() {
        return new LengthFieldBasedFrameDecoder(ByteOrder.LITTLE_ENDIAN, 65535, 0, 2, -2, 0, true);
    }

    /** Writes back what comes, and flushes once for all that one turn has read. */
    static class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            context.write(message, context.voidPromise());
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }

        /** Whoever does not read is not read from. */
        @Override
        public void channelWritabilityChanged(ChannelHandlerContext context) {
            context.channel().config().setAutoRead(context.channel().isWritable());
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }

    /** Writes back whole packets: those of one turn in one write. */
    static final class Packets extends Echo {
        private ByteBuf outgoing;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf packet = (ByteBuf) message;
            if (packet.readableBytes() < HEADER) {
                packet.release();
                context.close();
            } else if (outgoing == null) {
                outgoing = packet;
            } else {
                outgoing = append(context, outgoing, packet);
            }
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            if (outgoing != null) {
                context.writeAndFlush(outgoing, context.voidPromise());
                outgoing = null;
            }
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext context) {
            if (outgoing != null) {
                outgoing.release();
                outgoing = null;
            }
        }
    }

    /** Both in one buffer. The first packet of a turn is a slice of what was read; more of them are copied together. */
    static ByteBuf append(ChannelHandlerContext context, ByteBuf collected, ByteBuf packet) {
        ByteBuf target = collected;
        if (target.writableBytes() < packet.readableBytes()) {
            int capacity = 2 * Math.max(1024, collected.readableBytes() + packet.readableBytes());
            target = context.alloc().directBuffer(capacity).writeBytes(collected);
            collected.release();
        }
        target.writeBytes(packet);
        packet.release();
        return target;
    }
}
