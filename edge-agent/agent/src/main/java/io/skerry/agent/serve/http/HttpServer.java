package io.skerry.agent.serve.http;

import io.grpc.netty.shaded.io.netty.bootstrap.ServerBootstrap;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelFuture;
import io.grpc.netty.shaded.io.netty.channel.ChannelInitializer;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.group.ChannelGroup;
import io.grpc.netty.shaded.io.netty.channel.group.DefaultChannelGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpContentCompressor;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpContentDecompressor;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpServerCodec;
import io.grpc.netty.shaded.io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.grpc.netty.shaded.io.netty.handler.timeout.IdleStateHandler;
import io.grpc.netty.shaded.io.netty.util.concurrent.GlobalEventExecutor;
import io.skerry.agent.serve.InferenceService;
import io.skerry.agent.serve.ListenException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/** Answers HTTP on a port of the loopback address. */
@SuppressWarnings(
    "FutureReturnValueIgnored") // Netty fires what fails through the pipeline; its futures carry
// nothing else.
public final class HttpServer implements AutoCloseable {
  private static final int LINE_BYTES_MAX = 8_192;
  private static final int HEADERS_BYTES_MAX = 16_384;
  private static final int CHUNK_BYTES_MAX = 64 << 10;

  private final EventLoopGroup threads;
  private final Channel channel;
  private final ChannelGroup connections;

  private HttpServer(EventLoopGroup threads, Channel channel, ChannelGroup connections) {
    this.threads = threads;
    this.channel = channel;
    this.connections = connections;
  }

  /**
   * Listens and serves.
   *
   * @throws ListenException if the port cannot be used
   */
  public static HttpServer start(HttpConfig config, InferenceService service)
      throws ListenException {
    boolean epoll = Epoll.isAvailable();
    EventLoopGroup threads = epoll ? new EpollEventLoopGroup(1) : new NioEventLoopGroup(1);
    ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    HttpRoutes routes = new HttpRoutes(service);
    BodyBudget budget =
        new BodyBudget(
            config.bodiesBytesMax(), service.requests(), service.applications().unnamed());
    ServerBootstrap server =
        new ServerBootstrap()
            .group(threads)
            .channel(epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel connection) {
                    if (connections.size() >= config.connectionsMax()) {
                      connection.close();
                      return;
                    }
                    connections.add(connection);
                    prepare(connection, config, routes, budget, service);
                  }
                });
    ChannelFuture bound =
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), config.port()));
    bound.awaitUninterruptibly();
    if (!bound.isSuccess()) {
      stop(threads);
      throw new ListenException(
          "cannot listen on port %d of this machine for HTTP: %s"
              .formatted(config.port(), bound.cause().getMessage()),
          bound.cause());
    }
    return new HttpServer(threads, bound.channel(), connections);
  }

  private static void prepare(
      Channel connection,
      HttpConfig config,
      HttpRoutes routes,
      BodyBudget budget,
      InferenceService service) {
    BodyBudget.Counter counter = budget.counter();
    connection
        .pipeline()
        .addLast(new HttpServerCodec(LINE_BYTES_MAX, HEADERS_BYTES_MAX, CHUNK_BYTES_MAX))
        .addLast(new HttpServerKeepAliveHandler())
        .addLast(new IdleStateHandler(0, 0, config.idle().toMillis(), TimeUnit.MILLISECONDS))
        .addLast(new HttpContentCompressor())
        .addLast(new HttpContentDecompressor(true, config.bodyBytesMax()))
        .addLast(counter)
        .addLast(counter.aggregator(config.bodyBytesMax()))
        .addLast(
            new HttpConnection(routes, service.calls(), service.applications().unnamed(), counter));
  }

  /** The port that it really listens on. */
  public int port() {
    return ((InetSocketAddress) channel.localAddress()).getPort();
  }

  @Override
  public void close() {
    channel.close().awaitUninterruptibly();
    connections.close().awaitUninterruptibly();
    stop(threads);
  }

  private static void stop(EventLoopGroup threads) {
    threads.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2_000);
  }
}
