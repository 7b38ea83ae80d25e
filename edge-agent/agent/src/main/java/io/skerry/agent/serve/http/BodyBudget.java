package io.skerry.agent.serve.http;

import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.channel.ChannelPipeline;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpContent;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpMessage;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpObjectAggregator;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpRequest;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpResponse;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpStatusClass;
import io.grpc.netty.shaded.io.netty.util.ReferenceCountUtil;
import io.skerry.agent.serve.Application;
import io.skerry.agent.serve.RequestBudget;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Bytes of requests that all connections together may have in memory. */
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

  /** Counts one connection's requests as they come. */
  Counter counter() {
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

  /** What one request has taken; whoever has it gives it back. */
  final class Held {
    private long bytes;

    private Held() {}

    private boolean take(long more) {
      if (!BodyBudget.this.take(bytes, more)) {
        return false;
      }
      bytes += more;
      return true;
    }

    /** Gives back what it has; then it has nothing. */
    void give() {
      BodyBudget.this.bytes.addAndGet(-bytes);
      shared.give(application, bytes);
      bytes = 0;
    }
  }

  /** Stands before the {@link #aggregator} of its connection. */
  final class Counter extends ChannelInboundHandlerAdapter {
    // None once it was refused: what still comes of it is thrown away as it comes.
    private @Nullable Held reading;
    private boolean refused;

    private Counter() {}

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      if (refused) {
        ReferenceCountUtil.release(message);
        return;
      }
      if (message instanceof HttpRequest) {
        throwAway();
        reading = new Held();
      }
      if (message instanceof HttpContent content
          && reading != null
          && !reading.take(content.content().readableBytes())) {
        ReferenceCountUtil.release(message);
        throwAway();
        refused = true;
        context.fireChannelRead(
            new HttpRefusal(HttpAnswer.error(503, "too many large requests at a time"), true));
        return;
      }
      context.fireChannelRead(message);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      throwAway();
      context.fireChannelInactive();
    }

    /** The request that has come to its end; from now on the caller has what it took. */
    Held handOver() {
      Held whole = reading == null ? new Held() : reading;
      reading = null;
      return whole;
    }

    private void throwAway() {
      if (reading != null) {
        reading.give();
        reading = null;
      }
    }

    /** Puts requests together, and says of one that is too large so in its turn. */
    HttpObjectAggregator aggregator(int requestBytesMax) {
      return new HttpObjectAggregator(requestBytesMax) {
        @Override
        protected void handleOversizedMessage(
            ChannelHandlerContext context, HttpMessage oversized) {
          throwAway();
          context.fireChannelRead(
              new HttpRefusal(
                  HttpAnswer.error(
                      413, "a request has at most %d bytes".formatted(requestBytesMax)),
                  false));
        }

        @Override
        protected Object newContinueResponse(
            HttpMessage start, int maxContentLength, ChannelPipeline pipeline) {
          Object answer = super.newContinueResponse(start, maxContentLength, pipeline);
          if (answer instanceof HttpResponse response
              && response.status().codeClass() != HttpStatusClass.INFORMATIONAL) {
            throwAway();
          }
          return answer;
        }
      };
    }
  }
}
