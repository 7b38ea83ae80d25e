package io.skerry.agent.serve;

import io.grpc.CompressorRegistry;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import java.util.concurrent.TimeUnit;

/** A gRPC client on a Unix socket or a port. */
public final class TestClient implements AutoCloseable {
  private final EventLoopGroup threads;
  private final ManagedChannel channel;

  private TestClient(EventLoopGroup threads, ManagedChannel channel) {
    this.threads = threads;
    this.channel = channel;
  }

  /** A client of the server at this address. */
  public static TestClient to(ListenAddress address) {
    return to(address, CompressorRegistry.getDefaultInstance());
  }

  /** The same, that can compress what it sends. */
  static TestClient to(ListenAddress address, CompressorRegistry compressors) {
    EventLoopGroup threads = new EpollEventLoopGroup(1);
    return switch (address) {
      case ListenAddress.Unix(var path) ->
          new TestClient(
              threads,
              NettyChannelBuilder.forAddress(
                      new DomainSocketAddress(path.toAbsolutePath().toFile()))
                  .channelType(EpollDomainSocketChannel.class)
                  .eventLoopGroup(threads)
                  .overrideAuthority("localhost")
                  .compressorRegistry(compressors)
                  .usePlaintext()
                  .build());
      case ListenAddress.Tcp(var host, var port) ->
          new TestClient(
              threads,
              NettyChannelBuilder.forAddress(host, port)
                  .compressorRegistry(compressors)
                  .usePlaintext()
                  .build());
    };
  }

  /** The channel. */
  public ManagedChannel channel() {
    return channel;
  }

  /** Calls the inference service, with a deadline far away. */
  public GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub inference() {
    return GRPCInferenceServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    channel.shutdownNow();
    threads.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2_000);
  }
}
