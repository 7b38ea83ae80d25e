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
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpRequest;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpResponse;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpResponseStatus;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpStatusClass;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpVersion;
import io.grpc.netty.shaded.io.netty.handler.codec.http.LastHttpContent;
import io.grpc.netty.shaded.io.netty.util.ReferenceCountUtil;
import io.skerry.agent.serve.Application;
import io.skerry.agent.serve.RequestBudget;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

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

  private void give(long back) {
    bytes.addAndGet(-back);
    shared.give(application, back);
  }

  /** What one request has taken until now. */
  private static final class Held {
    private long bytes;
  }

  private final class Counter extends ChannelDuplexHandler {
    private final Queue<Held> unanswered = new ArrayDeque<>();
    // None once it was answered: what still comes of it is thrown away as it comes.
    private @Nullable Held reading;
    private boolean refused;

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      if (refused) {
        ReferenceCountUtil.release(message);
        return;
      }
      if (message instanceof HttpRequest) {
        reading = new Held();
        unanswered.add(reading);
      }
      if (message instanceof HttpContent content && reading != null) {
        int more = content.content().readableBytes();
        if (!take(reading.bytes, more)) {
          ReferenceCountUtil.release(message);
          refuse(context);
          return;
        }
        reading.bytes += more;
      }
      context.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
      boolean toldToGoOn =
          message instanceof HttpResponse head
              && head.status().codeClass() == HttpStatusClass.INFORMATIONAL;
      if (message instanceof LastHttpContent && !toldToGoOn) {
        answered(unanswered.poll());
      }
      context.write(message, promise);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      freeAll();
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
      freeAll();
    }

    private void answered(@Nullable Held request) {
      if (request == null) {
        return;
      }
      give(request.bytes);
      if (request == reading) {
        reading = null;
      }
    }

    private void freeAll() {
      for (Held request = unanswered.poll(); request != null; request = unanswered.poll()) {
        answered(request);
      }
    }
  }
}
