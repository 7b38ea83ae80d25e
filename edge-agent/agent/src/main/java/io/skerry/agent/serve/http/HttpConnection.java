package io.skerry.agent.serve.http;

import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.ByteBufUtil;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
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
final class HttpConnection extends SimpleChannelInboundHandler<FullHttpRequest> {
  /** Where the JSON part of a message ends and the binary one begins. */
  static final String JSON_LENGTH = "inference-header-content-length";

  private static final Logger log = LoggerFactory.getLogger(HttpConnection.class);
  private static final int PIPELINED_MAX = 8;
  private static final Pattern LOCAL_HOST =
      Pattern.compile("(localhost|127(\\.\\d{1,3}){3}|\\[::1])(:\\d{1,5})?");

  private final HttpRoutes routes;
  private final Executor calls;
  private final Deque<HttpRequestBody> next = new ArrayDeque<>();
  private boolean busy;

  HttpConnection(HttpRoutes routes, Executor calls) {
    this.routes = routes;
    this.calls = calls;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
    if (!request.decoderResult().isSuccess()) {
      busy = true;
      send(context, HttpAnswer.error(400, "this is no HTTP request"));
      context.close();
      return;
    }
    Optional<HttpAnswer> refusal = refusal(request);
    if (refusal.isPresent()) {
      busy = true;
      send(context, refusal.get());
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
    if (!busy) {
      begin(context, body);
    } else if (next.size() < PIPELINED_MAX) {
      next.add(body);
    } else {
      context.close();
    }
  }

  // A browser shows pages of others, which must not call models on this machine.
  private static Optional<HttpAnswer> refusal(FullHttpRequest request) {
    @Nullable String host = request.headers().get(HttpHeaderNames.HOST);
    if (host != null && !LOCAL_HOST.matcher(host).matches()) {
      return Optional.of(
          HttpAnswer.error(403, "the host must be this machine's own name or address"));
    }
    return request.headers().contains(HttpHeaderNames.ORIGIN)
        ? Optional.of(HttpAnswer.error(403, "pages in a browser may not call this agent"))
        : Optional.empty();
  }

  private void begin(ChannelHandlerContext context, HttpRequestBody body) {
    busy = true;
    HttpExchange exchange = new HttpExchange(context.channel(), answer -> done(context, answer));
    try {
      calls.execute(() -> routes.answer(body, exchange));
    } catch (RejectedExecutionException e) {
      exchange.answer(HttpAnswer.error(503, "the agent is stopping"));
    }
  }

  private void done(ChannelHandlerContext context, HttpAnswer answer) {
    context
        .executor()
        .execute(
            () -> {
              send(context, answer);
              HttpRequestBody waiting = next.poll();
              if (waiting != null) {
                begin(context, waiting);
              }
            });
  }

  private void send(ChannelHandlerContext context, HttpAnswer answer) {
    busy = false;
    ByteBuf[] parts = new ByteBuf[1 + answer.tensors().size()];
    parts[0] = Unpooled.wrappedBuffer(answer.json());
    for (int i = 0; i < answer.tensors().size(); i++) {
      parts[i + 1] = Unpooled.wrappedBuffer(answer.tensors().get(i));
    }
    ByteBuf content = Unpooled.wrappedBuffer(parts.length, parts);
    DefaultFullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(answer.status()), content);
    response.headers().set(HttpHeaderNames.CONTENT_LENGTH, content.readableBytes());
    if (!answer.tensors().isEmpty()) {
      response
          .headers()
          .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_OCTET_STREAM)
          .set(JSON_LENGTH, answer.json().length);
    } else if (answer.json().length > 0) {
      response.headers().set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON);
    }
    context.writeAndFlush(response);
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
    if (cause instanceof DecoderException) {
      busy = true;
      send(
          context, HttpAnswer.error(413, "the request is too large, or not compressed as it says"));
    }
    context.close();
  }
}
