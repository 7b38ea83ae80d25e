package io.skerry.simulator.fleet;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.skerry.simulator.machine.MachineData;
import io.skerry.wire.agent.v1.FeedbackServiceGrpc;
import io.skerry.wire.agent.v1.SubmitFeedbackRequest;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** An application's connection to a real agent: gRPC over its Unix socket. Not thread-safe. */
public final class AgentClient implements Application.Port, AutoCloseable {
  // Longer than a busy machine stops this process: such a call may not even have been sent.
  private static final long DEADLINE_MILLIS = 10_000;
  private static final long CLOSE_MILLIS = 2_000;
  private static final int LATENCIES_MAX = 4096;

  private final String model;
  private final long sensors;
  private final EventLoopGroup events = new EpollEventLoopGroup(1);
  private final ManagedChannel channel;
  private final GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub inference;
  private final FeedbackServiceGrpc.FeedbackServiceBlockingStub feedback;
  private final long[] latencyNanos = new long[LATENCIES_MAX];
  private long answered;

  /** Connects lazily to the agent's socket. */
  public AgentClient(Path socket, String model, int sensors) {
    this.model = model;
    this.sensors = sensors;
    this.channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
            .eventLoopGroup(events)
            .channelType(EpollDomainSocketChannel.class)
            .directExecutor()
            .usePlaintext()
            .build();
    this.inference = GRPCInferenceServiceGrpc.newBlockingStub(channel);
    this.feedback = FeedbackServiceGrpc.newBlockingStub(channel);
  }

  @Override
  public Optional<String> predict(float[] window) throws Application.PredictionFailed {
    ByteBuffer raw =
        ByteBuffer.allocate(window.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(window);
    ModelInferRequest request =
        ModelInferRequest.newBuilder()
            .setModelName(model)
            .addInputs(
                ModelInferRequest.InferInputTensor.newBuilder()
                    .setName("input")
                    .setDatatype("FP32")
                    .addShape(1)
                    .addShape(sensors)
                    .addShape(MachineData.WINDOW))
            .addRawInputContents(ByteString.copyFrom(raw))
            .build();
    long started = System.nanoTime();
    try {
      ModelInferResponse response =
          inference.withDeadlineAfter(DEADLINE_MILLIS, TimeUnit.MILLISECONDS).modelInfer(request);
      latencyNanos[(int) (answered++ % LATENCIES_MAX)] = System.nanoTime() - started;
      return Optional.of(response.getParametersOrThrow("skerry_prediction_id").getStringParam());
    } catch (StatusRuntimeException e) {
      // Before the first answer: the agent is starting, or no model has been rolled out to it yet.
      boolean waiting =
          e.getStatus().getCode() == Status.Code.NOT_FOUND
              || e.getStatus().getCode() == Status.Code.UNAVAILABLE;
      if (answered == 0 && waiting) {
        return Optional.empty();
      }
      throw new Application.PredictionFailed(e.getStatus().toString(), e);
    }
  }

  @Override
  public void feedback(String predictionId, double actual) {
    feedback
        .withDeadlineAfter(DEADLINE_MILLIS, TimeUnit.MILLISECONDS)
        .submitFeedback(
            SubmitFeedbackRequest.newBuilder()
                .setPredictionId(predictionId)
                .setActual(actual)
                .build());
  }

  /** Median of the newest answered calls as the application saw them, in microseconds. */
  public double p50Micros() {
    int known = (int) Math.min(answered, LATENCIES_MAX);
    if (known == 0) {
      return 0;
    }
    long[] sorted = Arrays.copyOf(latencyNanos, known);
    Arrays.sort(sorted);
    return sorted[known / 2] / 1e3;
  }

  @Override
  public void close() {
    channel.shutdownNow();
    try {
      channel.awaitTermination(CLOSE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    events
        .shutdownGracefully(0, CLOSE_MILLIS, TimeUnit.MILLISECONDS)
        .awaitUninterruptibly(CLOSE_MILLIS, TimeUnit.MILLISECONDS);
  }
}
