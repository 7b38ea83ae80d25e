package io.skerry.agent.bench;

import com.google.protobuf.ByteString;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceStub;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ServerLiveRequest;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A client of an agent's Unix socket: one connection, no retries. Thread-safe. */
public final class AgentClient implements AutoCloseable {
  private static final int MESSAGE_BYTES_MAX = 1 << 30;

  private final EventLoopGroup transport = new EpollEventLoopGroup(1);
  private final ManagedChannel channel;
  private final GRPCInferenceServiceBlockingStub blocking;

  // A Unix socket has no keep-alive, which gRPC asks for and Netty warns of; null takes it out.
  @SuppressWarnings("NullAway")
  private AgentClient(Path socket) {
    channel =
        NettyChannelBuilder.forAddress(
                new DomainSocketAddress(socket.toAbsolutePath().toFile()),
                InsecureChannelCredentials.create())
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(transport)
            .withOption(ChannelOption.SO_KEEPALIVE, null)
            .directExecutor()
            .maxInboundMessageSize(MESSAGE_BYTES_MAX)
            .disableRetry()
            .build();
    blocking = GRPCInferenceServiceGrpc.newBlockingStub(channel);
  }

  /** A client of the agent that listens on this socket; connects with the first call. */
  public static AgentClient of(Path socket) {
    return new AgentClient(socket);
  }

  /** Calls that wait for their answer. */
  public GRPCInferenceServiceBlockingStub blocking() {
    return blocking;
  }

  /** Calls whose answers come later, on the transport's thread. */
  public GRPCInferenceServiceStub later() {
    return GRPCInferenceServiceGrpc.newStub(channel);
  }

  /** The call that does nothing. */
  public boolean live() {
    return blocking.serverLive(ServerLiveRequest.getDefaultInstance()).getLive();
  }

  /** A request with raw contents. */
  public static ModelInferRequest request(String model, List<Tensor> inputs) {
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName(model);
    for (Tensor input : inputs) {
      request
          .addInputs(
              InferInputTensor.newBuilder()
                  .setName(input.name())
                  .setDatatype(input.type().name())
                  .addAllShape(input.shape()))
          .addRawInputContents(ByteString.copyFrom(input.data().duplicate()));
    }
    return request.build();
  }

  @Override
  public void close() {
    channel.shutdownNow();
    try {
      channel.awaitTermination(2, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    transport.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2_000);
  }
}
