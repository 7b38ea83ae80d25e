package io.skerry.e2e.scene;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * An application that predicts all the time and looks at every answer. A call that fails while the
 * agent's process is gone is not counted as failed; every other one is.
 */
public final class Application implements AutoCloseable {
  private static final Duration PAUSE = Duration.ofMillis(30);
  // A call waits while the agent is down, and a start takes long on a busy machine.
  private static final Duration DEADLINE = Scene.PATIENCE;
  private static final Duration DEATH_SHOWS_WITHIN = Duration.ofSeconds(2);
  private static final int FAILURES_KEPT = 5;

  private final AgentProcess agent;
  private final EventLoopGroup events = new EpollEventLoopGroup(1);
  private final ManagedChannel channel;
  private final GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub inference;
  private final AtomicLong answered = new AtomicLong();
  private final AtomicLong changes = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicLong notANumber = new AtomicLong();
  private final List<String> failures = new ArrayList<>();
  private final Thread thread;
  private volatile long version;
  private volatile long longestMicros;
  private volatile float offset = 1;
  private volatile boolean paused;
  private volatile boolean idle;
  private volatile boolean hurried;
  private volatile boolean ended;

  /** Begins to predict. */
  Application(AgentProcess agent) {
    this.agent = agent;
    this.channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(agent.socket().toFile()))
            .eventLoopGroup(events)
            .channelType(EpollDomainSocketChannel.class)
            .directExecutor()
            .usePlaintext()
            .build();
    this.inference = GRPCInferenceServiceGrpc.newBlockingStub(channel).withWaitForReady();
    this.thread = Thread.ofPlatform().name("application").daemon().start(this::run);
  }

  private void run() {
    for (int turn = 0; !ended; turn++) {
      LockSupport.parkNanos(hurried ? 1 : PAUSE.toNanos());
      if (!paused && !ended) {
        idle = false;
        predict(turn);
      } else {
        idle = true;
      }
    }
  }

  private void predict(int turn) {
    float[] input = {offset + turn % 5, offset + 1, offset + 2};
    ByteBuffer raw = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(input);
    ModelInferRequest request =
        ModelInferRequest.newBuilder()
            .setModelName(TinyArtifacts.MODEL.value())
            .addInputs(
                ModelInferRequest.InferInputTensor.newBuilder()
                    .setName("input")
                    .setDatatype("FP32")
                    .addShape(1)
                    .addShape(input.length))
            .addRawInputContents(ByteString.copyFrom(raw))
            .build();
    long start = System.nanoTime();
    int process = agent.starts();
    try {
      ModelInferResponse response =
          inference
              .withDeadlineAfter(DEADLINE.toMillis(), TimeUnit.MILLISECONDS)
              .modelInfer(request);
      longestMicros = Math.max(longestMicros, (System.nanoTime() - start) / 1000);
      check(input, response);
    } catch (StatusRuntimeException e) {
      channel.resetConnectBackoff();
      if (!ended && !isExcused(e.getStatus(), process)) {
        fail(e.getStatus().toString());
      }
    }
  }

  private void check(float[] input, ModelInferResponse response) {
    long answering = Long.parseLong(response.getModelVersion());
    ByteBuffer output =
        response.getRawOutputContents(0).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    for (float value : input) {
      float got = output.getFloat();
      if (Float.isNaN(got)) {
        notANumber.incrementAndGet();
      } else if (got != value * answering) {
        fail("version %d answered %f for %f".formatted(answering, got, value));
        return;
      }
    }
    answered.incrementAndGet();
    if (version != answering) {
      changes.incrementAndGet();
    }
    version = answering;
  }

  // Before the first answer there is no model yet, or it is on its way; and who is killed cannot
  // answer.
  private boolean isExcused(Status status, int process) {
    if (status.getCode() == Status.Code.NOT_FOUND || isNotReady(status)) {
      return answered.get() == 0;
    }
    try {
      return Await.within(DEATH_SHOWS_WITHIN, () -> !agent.isUp() || agent.starts() != process);
    } catch (Exception e) {
      return false;
    }
  }

  private static boolean isNotReady(Status status) {
    return status.getCode() == Status.Code.UNAVAILABLE
        && String.valueOf(status.getDescription()).contains("is not at ready state");
  }

  private void fail(String reason) {
    failed.incrementAndGet();
    synchronized (failures) {
      if (failures.size() < FAILURES_KEPT) {
        failures.add(reason);
      }
    }
  }

  /** Calls again without the wait after a lost connection. */
  void agentIsBack() {
    channel.resetConnectBackoff();
  }

  /** Inputs from now on begin here; 1 at first. */
  public void inputsFrom(float next) {
    offset = next;
  }

  /** Stops predicting and returns when the last call is answered. */
  public void pause() throws Exception {
    paused = true;
    idle = false;
    Await.until(DEADLINE, "the application's last answer", () -> idle, () -> "it still waits");
  }

  /** Whether to predict without pauses. */
  public void hurry(boolean next) {
    hurried = next;
  }

  /** Predicts again. */
  public void resume() {
    paused = false;
  }

  /** Predictions answered. */
  public long answered() {
    return answered.get();
  }

  /** Predictions that failed, or were answered wrongly. */
  public long failed() {
    return failed.get();
  }

  /** Values of answers that were no number. */
  public long notANumber() {
    return notANumber.get();
  }

  /** The version that answered last; 0 before the first answer. */
  public long version() {
    return version;
  }

  /** Answers that came from another version than the one before. */
  public long changes() {
    return changes.get();
  }

  /** The longest answered call. */
  public long longestMillis() {
    return longestMicros / 1000;
  }

  /** Why the first failed ones did. */
  public List<String> failures() {
    synchronized (failures) {
      return List.copyOf(failures);
    }
  }

  @Override
  public void close() {
    ended = true;
    channel.shutdownNow();
    try {
      thread.join(DEADLINE.toMillis());
      channel.awaitTermination(2, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    events.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
  }
}
