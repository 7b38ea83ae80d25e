package io.skerry.agent.trace;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.skerry.wire.otlp.ExportTraceServiceRequest;
import io.skerry.wire.otlp.ExportTraceServiceResponse;
import io.skerry.wire.otlp.TraceServiceGrpc;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which calls are traced and sends them to the collector.
 *
 * <p>At most {@value #QUEUE_MAX} traced calls wait to be sent; further ones are dropped and
 * counted. The collector is never waited for by a call. Thread-safe.
 */
public final class Tracer implements AutoCloseable {
  /** Traced calls that wait to be sent. */
  static final int QUEUE_MAX = 2_048;

  /** Traced calls in one message. */
  static final int BATCH_MAX = 256;

  private static final int TRIES_MAX = 5;
  private static final int GATHER_STEPS = 10;
  private static final long NANOS = 1_000_000_000L;
  private static final Logger log = LoggerFactory.getLogger(Tracer.class);

  /**
   * How long things may take.
   *
   * @param gather what a message waits for more calls
   * @param answer what the collector may take to answer
   * @param retry what is waited before the second try; twice that before the next, and so on
   */
  record Pace(Duration gather, Duration answer, Duration retry) {
    static final Pace USUAL =
        new Pace(Duration.ofSeconds(1), Duration.ofSeconds(10), Duration.ofSeconds(1));
  }

  private final TraceConfig config;
  private final Pace pace;
  private final InstantSource clock;
  private final ManagedChannel channel;
  private final BlockingQueue<CallTrace> queue = new ArrayBlockingQueue<>(QUEUE_MAX);
  private final LongAdder exported = new LongAdder();
  private final LongAdder dropped = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread sender;
  private boolean failing;

  private Tracer(TraceConfig config, Pace pace, InstantSource clock, ManagedChannel channel) {
    this.config = config;
    this.pace = pace;
    this.clock = clock;
    this.channel = channel;
    this.sender = Thread.ofPlatform().daemon().name("agent-traces").unstarted(this::send);
  }

  /**
   * Starts to send; the collector need not be there yet.
   *
   * @throws IOException if the file of authorities cannot be used
   */
  public static Tracer start(TraceConfig config) throws IOException {
    return start(config, Pace.USUAL, InstantSource.system());
  }

  static Tracer start(TraceConfig config, Pace pace, InstantSource clock) throws IOException {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(
                config.collector().getHost(), config.port(), credentials(config))
            .directExecutor()
            .build();
    Tracer tracer = new Tracer(config, pace, clock, channel);
    tracer.sender.start();
    return tracer;
  }

  private static ChannelCredentials credentials(TraceConfig config) throws IOException {
    if (!config.isEncrypted()) {
      return InsecureChannelCredentials.create();
    }
    TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder();
    if (config.authorities().isPresent()) {
      tls.trustManager(config.authorities().get().toFile());
    }
    return tls.build();
  }

  /** How calls are traced. */
  public TraceConfig config() {
    return config;
  }

  /**
   * Begins to trace a call, or does not.
   *
   * @param parent where its caller stands in a trace, when it does; then that decides
   * @param method what was called
   */
  public @Nullable CallTrace begin(
      Optional<TraceParent> parent, String method, String application) {
    RandomGenerator random = ThreadLocalRandom.current();
    long high;
    long low;
    if (parent.isPresent()) {
      if (!parent.get().sampled()) {
        return null;
      }
      high = parent.get().high();
      low = parent.get().low();
    } else {
      low = id(random);
      if (!isChosen(low)) {
        return null;
      }
      high = id(random);
    }
    Instant now = clock.instant();
    return new CallTrace(
        high,
        low,
        id(random),
        parent,
        method,
        application,
        System.nanoTime(),
        now.getEpochSecond() * NANOS + now.getNano(),
        this::finished);
  }

  // By the id, so that everybody with the same ratio chooses the same traces.
  private boolean isChosen(long low) {
    return config.ratio() >= 1 || (low & Long.MAX_VALUE) < config.ratio() * Long.MAX_VALUE;
  }

  /** A random id; never 0, which means none. */
  static long id(RandomGenerator random) {
    long id = random.nextLong();
    return id == 0 ? 1 : id;
  }

  private void finished(CallTrace call) {
    if (!queue.offer(call)) {
      dropped.increment();
    }
  }

  /** What became of traced calls. */
  public TraceStatistics statistics() {
    return new TraceStatistics(exported.sum(), dropped.sum(), failed.sum());
  }

  private void send() {
    List<CallTrace> batch = new ArrayList<>(BATCH_MAX);
    try {
      while (!isClosing() || !queue.isEmpty()) {
        gather();
        sendSome(batch);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // Whatever went wrong with some calls, the next are sent: nobody else would do it.
  private void sendSome(List<CallTrace> batch) throws InterruptedException {
    batch.clear();
    try {
      queue.drainTo(batch, BATCH_MAX);
      if (!batch.isEmpty()) {
        export(batch);
      }
    } catch (RuntimeException | OutOfMemoryError e) {
      failed.add(batch.size());
      if (!failing) {
        failing = true;
        log.atError().setCause(e).log("traces not sent");
      }
    }
  }

  private void gather() throws InterruptedException {
    long step = pace.gather().toNanos() / GATHER_STEPS;
    for (int i = 0; i < GATHER_STEPS && queue.size() < BATCH_MAX; i++) {
      if (closing.await(step, TimeUnit.NANOSECONDS)) {
        return;
      }
    }
  }

  private boolean isClosing() {
    return closing.getCount() == 0;
  }

  private void export(List<CallTrace> batch) throws InterruptedException {
    ExportTraceServiceRequest request =
        Spans.request(batch, config.instance(), ThreadLocalRandom.current());
    Duration pause = pace.retry();
    for (int tries = 1; ; tries++) {
      try {
        ExportTraceServiceResponse response =
            TraceServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(pace.answer().toNanos(), TimeUnit.NANOSECONDS)
                .export(request);
        took(batch.size(), response);
        return;
      } catch (StatusRuntimeException e) {
        refused(e.getStatus());
        if (tries == TRIES_MAX
            || !mayBeRepeated(e.getStatus())
            || closing.await(pause.toNanos(), TimeUnit.NANOSECONDS)) {
          failed.add(batch.size());
          return;
        }
        pause = pause.multipliedBy(2);
      }
    }
  }

  private void took(int calls, ExportTraceServiceResponse response) {
    if (response.getPartialSuccess().getRejectedSpans() > 0) {
      failed.add(calls);
      refused(
          Status.INVALID_ARGUMENT.withDescription(response.getPartialSuccess().getErrorMessage()));
      return;
    }
    exported.add(calls);
    if (failing) {
      failing = false;
      log.atInfo().addKeyValue("collector", config.collector()).log("traces taken again");
    }
  }

  private void refused(Status status) {
    if (!failing) {
      failing = true;
      log.atWarn()
          .addKeyValue("collector", config.collector())
          .addKeyValue("status", status.getCode())
          .addKeyValue("reason", reason(status))
          .log("traces not taken; what does not fit the queue is dropped");
    }
  }

  // gRPC keeps what the system said in the cause.
  private static String reason(Status status) {
    Throwable cause = status.getCause();
    return cause == null
        ? String.valueOf(status.getDescription())
        : "%s: %s".formatted(status.getDescription(), cause.getMessage());
  }

  // As OTLP says; RESOURCE_EXHAUSTED without a time to come back means no.
  private static boolean mayBeRepeated(Status status) {
    return switch (status.getCode()) {
      case CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS -> true;
      default -> false;
    };
  }

  /** Sends what waits, for a moment, and gives up the rest. */
  @Override
  public void close() {
    closing.countDown();
    try {
      sender.join(Duration.ofSeconds(2));
      channel.shutdownNow();
      channel.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      channel.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
