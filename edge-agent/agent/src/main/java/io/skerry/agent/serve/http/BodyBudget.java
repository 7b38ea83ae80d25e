package io.skerry.agent.serve.http;

import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import io.grpc.netty.shaded.io.netty.channel.ChannelDuplexHandler;
import io.grpc.netty.shaded.io.netty.channel.ChannelFutureListener;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelPromise;
import io.grpc.netty.shaded.io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpContent;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpHeaderNames;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpHeaderValues;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpResponseStatus;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpVersion;
import io.grpc.netty.shaded.io.netty.handler.codec.http.LastHttpContent;
import io.grpc.netty.shaded.io.netty.util.ReferenceCountUtil;
import io.skerry.agent.serve.Application;
import io.skerry.agent.serve.RequestBudget;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;

/** Bytes of requests that all connections together may have in memory. */
@SuppressWarnings(
    "FutureReturnValueIgnored") // Netty fires what fails through the pipeline; its futures carry
// nothing else.
final class BodyBudget {
  private final long bytesMax;
  private final RequestBudget shared;
  private final Application application;
  private final AtomicLong bytes = new AtomicLong();

  /**
   * A budget within another.
   *
   * @param bytesMax the most of HTTP's requests
   * @param shared what they share with all others
   * @param application who calls by HTTP
   */
  BodyBudget(long bytesMax, RequestBudget shared, Application application) {
    this.bytesMax = bytesMax;
    this.shared = shared;
    this.application = application;
  }

  /** Counts one connection's requests until they are answered. */
  ChannelDuplexHandler handler() {
    return new Counter();
  }

  long bytes() {
    return bytes.get();
  }

  private boolean take(long held, long more) {
    if (bytes.addAndGet(more) <= bytesMax && shared.take(application, held, more)) {
      return true;
    }
    bytes.addAndGet(-more);
    return false;
  }

  private final class Counter extends ChannelDuplexHandler {
    private long mine;
    private boolean refused;

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      if (refused) {
        ReferenceCountUtil.release(message);
        return;
      }
      if (message instanceof HttpContent content) {
        int more = content.content().readableBytes();
        if (!take(mine, more)) {
          ReferenceCountUtil.release(message);
          refuse(context);
          return;
        }
        mine += more;
      }
      context.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
      if (message instanceof LastHttpContent) {
        free();
      }
      context.write(message, promise);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      free();
      context.fireChannelInactive();
    }

    private void refuse(ChannelHandlerContext context) {
      refused = true;
      DefaultFullHttpResponse answer =
          new DefaultFullHttpResponse(
              HttpVersion.HTTP_1_1,
              HttpResponseStatus.SERVICE_UNAVAILABLE,
              Unpooled.copiedBuffer(
                  "{\"error\":\"too many large requests at a time\"}", StandardCharsets.UTF_8));
      answer
          .headers()
          .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON)
          .set(HttpHeaderNames.CONTENT_LENGTH, answer.content().readableBytes())
          .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
      context.writeAndFlush(answer).addListener(ChannelFutureListener.CLOSE);
      free();
    }

    private void free() {
      bytes.addAndGet(-mine);
      shared.give(application, mine);
      mine = 0;
    }
  }
}
