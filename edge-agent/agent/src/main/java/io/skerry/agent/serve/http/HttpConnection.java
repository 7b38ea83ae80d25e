package io.skerry.agent.serve.http;

import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.ByteBufUtil;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import io.grpc.netty.shaded.io.netty.channel.ChannelFuture;
import io.grpc.netty.shaded.io.netty.channel.ChannelFutureListener;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.SimpleChannelInboundHandler;
import io.grpc.netty.shaded.io.netty.handler.codec.DecoderException;
import io.grpc.netty.shaded.io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.grpc.netty.shaded.io.netty.handler.codec.http.FullHttpRequest;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpHeaderNames;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpHeaderValues;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpResponseStatus;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpVersion;
import io.grpc.netty.shaded.io.netty.handler.timeout.IdleStateEvent;
import io.skerry.agent.serve.Application;
import io.skerry.agent.serve.Texts;
import io.skerry.agent.trace.TraceParent;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection: its requests are answered one after the other, on the threads of calls. */
@SuppressWarnings(
    "FutureReturnValueIgnored") // Netty fires what fails through the pipeline; its futures carry
// nothing else.
final class HttpConnection extends SimpleChannelInboundHandler<Object> {
  /** Where the JSON part of a message ends and the binary one begins. */
  static final String JSON_LENGTH = "inference-header-content-length";

  private static final Logger log = LoggerFactory.getLogger(HttpConnection.class);
  private static final int PIPELINED_MAX = 8;
  private static final Pattern LOCAL_HOST =
      Pattern.compile("(localhost|127(\\.\\d{1,3}){3}|\\[::1])(:\\d{1,5})?");

  private final HttpRoutes routes;
  private final Executor calls;
  private final Application application;
  private final BodyBudget.Counter counter;
  private final Deque<Turn> next = new ArrayDeque<>();
  private boolean busy;
  private boolean closing;

  /** What is to be answered, in its order. */
  private sealed interface Turn {
    /** A request, and what it takes of the budget until it is answered. */
    record Request(HttpRequestBody body, BodyBudget.Held held) implements Turn {}

    /** What is answered without being asked any further. */
    record Refused(HttpRefusal why) implements Turn {}
  }

  HttpConnection(
      HttpRoutes routes, Executor calls, Application application, BodyBudget.Counter counter) {
    this.routes = routes;
    this.calls = calls;
    this.application = application;
    this.counter = counter;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, Object message) {
    if (closing) {
      return;
    }
    if (message instanceof HttpRefusal refusal) {
      add(context, new Turn.Refused(refusal));
    } else if (message instanceof FullHttpRequest request) {
      read(context, request, counter.handOver());
    }
  }

  private void read(ChannelHandlerContext context, FullHttpRequest request, BodyBudget.Held held) {
    Optional<HttpRefusal> refusal =
        request.decoderResult().isSuccess()
            ? refusal(request).map(answer -> new HttpRefusal(answer, false))
            : Optional.of(new HttpRefusal(HttpAnswer.error(400, "this is no HTTP request"), true));
    if (refusal.isPresent()) {
      held.give();
      add(context, new Turn.Refused(refusal.get()));
      return;
    }
    HttpRequestBody body =
        new HttpRequestBody(
            request.method().name(),
            request.uri(),
            request.headers().get(JSON_LENGTH),
            request.headers().get(TraceParent.HEADER),
            request.headers().get(TraceParent.STATE_HEADER),
            // Copied, because the transport takes its buffer back.
            ByteBufUtil.getBytes(request.content()));
    add(context, new Turn.Request(body, held));
  }

  private void add(ChannelHandlerContext context, Turn turn) {
    closing = turn instanceof Turn.Refused refused && refused.why().closes();
    next.add(turn);
    if (next.size() > PIPELINED_MAX) {
      closing = true;
      context.close();
      return;
    }
    goOn(context);
  }

  // A client that takes no answers gets no more made for it.
  private void goOn(ChannelHandlerContext context) {
    while (!busy && context.channel().isWritable() && !next.isEmpty()) {
      switch (next.remove()) {
        case Turn.Request request -> begin(context, request);
        case Turn.Refused refused -> send(context, refused.why());
      }
    }
  }

  // A browser shows pages of others, which must not call models on this machine.
  private static Optional<HttpAnswer> refusal(FullHttpRequest request) {
    @Nullable String host = request.headers().get(HttpHeaderNames.HOST);
    if (host != null && !LOCAL_HOST.matcher(host).matches()) {
      return Optional.of(
          HttpAnswer.error(403, "the host must be this machine's own name or address"));
    }
    if (request.headers().contains(HttpHeaderNames.ORIGIN)) {
      return Optional.of(HttpAnswer.error(403, "pages in a browser may not call this agent"));
    }
    // What was unpacked says so no more.
    @Nullable String encoding = request.headers().get(HttpHeaderNames.CONTENT_ENCODING);
    return encoding == null || HttpHeaderValues.IDENTITY.contentEqualsIgnoreCase(encoding)
        ? Optional.empty()
        : Optional.of(
            HttpAnswer.error(
                415,
                "content encoding '%s' is none of gzip, deflate"
                    .formatted(Texts.shortened(encoding))));
  }

  private void begin(ChannelHandlerContext context, Turn.Request request) {
    busy = true;
    HttpExchange exchange =
        new HttpExchange(
            context.channel(),
            answer -> {
              // Now, and not when the client goes: until now somebody worked on it.
              request.held().give();
              context.executor().execute(() -> done(context, answer));
            });
    try {
      calls.execute(() -> routes.answer(request.body(), exchange));
    } catch (RejectedExecutionException e) {
      exchange.answer(HttpAnswer.error(503, "the agent is stopping"));
    }
  }

  private void done(ChannelHandlerContext context, HttpAnswer answer) {
    busy = false;
    send(context, new HttpRefusal(answer, false));
    goOn(context);
  }

  private void send(ChannelHandlerContext context, HttpRefusal answered) {
    HttpAnswer answer = answered.answer();
    ByteBuf[] parts = new ByteBuf[1 + answer.tensors().size()];
    parts[0] = Unpooled.wrappedBuffer(answer.json());
    for (int i = 0; i < answer.tensors().size(); i++) {
      parts[i + 1] = Unpooled.wrappedBuffer(answer.tensors().get(i));
    }
    ByteBuf content = Unpooled.wrappedBuffer(parts.length, parts);
    int bytes = content.readableBytes();
    DefaultFullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(answer.status()), content);
    response.headers().set(HttpHeaderNames.CONTENT_LENGTH, bytes);
    if (!answer.tensors().isEmpty()) {
      response
          .headers()
          .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_OCTET_STREAM)
          .set(JSON_LENGTH, answer.json().length);
    } else if (answer.json().length > 0) {
      response.headers().set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON);
    }
    application.leave(bytes);
    ChannelFuture taken =
        context.writeAndFlush(response).addListener(end -> application.leave(-bytes));
    if (answered.closes()) {
      taken.addListener(ChannelFutureListener.CLOSE);
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) throws Exception {
    goOn(context);
    super.channelWritabilityChanged(context);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) throws Exception {
    closing = true;
    for (Turn turn : next) {
      if (turn instanceof Turn.Request request) {
        request.held().give();
      }
    }
    next.clear();
    super.channelInactive(context);
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) throws Exception {
    if (event instanceof IdleStateEvent) {
      if (!busy) {
        context.close();
      }
    } else {
      super.userEventTriggered(context, event);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    log.atDebug().setCause(cause).log("connection broke");
    if (cause instanceof DecoderException && !closing) {
      add(
          context,
          new Turn.Refused(
              new HttpRefusal(
                  HttpAnswer.error(413, "the request is too large, or not compressed as it says"),
                  true)));
    } else {
      context.close();
    }
  }
}
