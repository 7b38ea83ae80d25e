package io.skerry.agent.serve;

import io.grpc.Attributes;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.trace.Tracer;
import io.skerry.wire.agent.v1.FeedbackServiceGrpc;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The gRPC server of the agent: GRPCInferenceService, grpc.health.v1, reflection, and
 * FeedbackService where there is somebody to take feedback.
 */
public final class AgentServer implements AutoCloseable {
  private static final int WINDOW_BYTES = 1 << 20;
  private static final long HANDSHAKE_SECONDS_MAX = 10;

  private final ServeConfig config;
  private final TransportThreads threads;
  private final List<Listening> listening = new ArrayList<>();
  private final ExecutorService calls;
  private final InferenceService service;
  private final ModelHealth health;
  private final Optional<FeedbackEndpoint> feedback;
  private final List<BindableService> shared = new ArrayList<>();
  private boolean closed;

  private record Listening(Listener listener, Transport transport, Server server) {
    void start() throws ListenException {
      try {
        server.start();
        transport.started();
      } catch (IOException e) {
        throw transport.refused(e);
      }
    }

    ListenAddress address() {
      return listener.address() instanceof ListenAddress.Tcp tcp
          ? new ListenAddress.Tcp(tcp.host(), server.getPort())
          : listener.address();
    }
  }

  private AgentServer(
      ServeConfig config, Served served, TransportThreads threads, Optional<Tracer> tracer) {
    this.config = config;
    this.threads = threads;
    // Short runs are made on the transport's own threads, where a call costs no change of thread;
    // long ones would keep other clients waiting there. Three threads more than runs: one for short
    // calls beside long ones, and two read HTTP requests while every place to run is taken.
    this.calls =
        Executors.newFixedThreadPool(
            config.queue().runsMax() + 3, Thread.ofPlatform().name("agent-call-", 0).factory());
    this.service = new InferenceService(served, config, calls, tracer);
    HealthStatusManager manager = new HealthStatusManager();
    List<String> services = new ArrayList<>(List.of(GRPCInferenceServiceGrpc.SERVICE_NAME));
    shared.add(manager.getHealthService());
    this.feedback =
        served.feedback().map(sink -> new FeedbackEndpoint(sink, InstantSource.system()));
    if (feedback.isPresent()) {
      shared.add(feedback.get());
      services.add(FeedbackServiceGrpc.SERVICE_NAME);
    }
    this.health = new ModelHealth(manager, served, services);
    served.slots().onChange(health::update);
  }

  private Listening prepare(Listener listener, Transport transport) {
    NettyServerBuilder builder =
        transport
            .builder(new ConnectionLimit(listener, config.bounds().connectionsMax()))
            .directExecutor()
            // A fixed window: to find one, gRPC would send a ping with the data of every call.
            .flowControlWindow(WINDOW_BYTES)
            .decompressorRegistry(DeflateCodec.DECOMPRESSORS)
            .handshakeTimeout(HANDSHAKE_SECONDS_MAX, TimeUnit.SECONDS)
            .maxInboundMessageSize(config.bounds().messageBytesMax())
            .maxConcurrentCallsPerConnection(config.bounds().callsPerConnectionMax());
    if (config.traces().isPresent()) {
      builder.intercept(new TraceHeaders());
    }
    Supplier<Application> caller;
    Function<Attributes, Application> connected;
    if (listener.tls().isPresent()) {
      CertifiedCaller certified = new CertifiedCaller(service.applications());
      builder.addTransportFilter(certified).intercept(certified);
      caller = certified::current;
      connected = certified::of;
    } else {
      Application application = service.applications().of(listener);
      caller = () -> application;
      connected = connection -> application;
    }
    builder.addStreamTracerFactory(
        new CallBytes(service.requests(), service.applications().unnamed(), connected));
    builder.intercept(new SentAhead(service.sentAhead(), WINDOW_BYTES, connected));
    builder
        .addService(
            UnreadableRequests.answered(
                ServerInterceptors.intercept(
                    new MemoryEndpoint(service, caller), InferStream.ERROR_FORM)))
        .addService(
            UnreadableRequests.answered(ProtoReflectionServiceV1.newInstance().bindService()))
        .addService(UnreadableRequests.answered(olderReflection().bindService()));
    shared.forEach(
        service -> builder.addService(UnreadableRequests.answered(service.bindService())));
    return new Listening(listener, transport, builder.build());
  }

  // Clients in the field, Python's among them, know it by no other name.
  @SuppressWarnings("deprecation")
  private static BindableService olderReflection() {
    return ProtoReflectionService.newInstance();
  }

  /**
   * Listens and serves what a control plane decides.
   *
   * @param feedback who takes feedback; without one FeedbackService is not offered
   * @throws ListenException if an address cannot be used
   */
  public static AgentServer start(
      ServeConfig config,
      ModelSlots slots,
      Predictor predictor,
      ModelListing listing,
      Optional<FeedbackSink> feedback)
      throws ListenException {
    return start(config, new Served(slots, predictor, listing, Optional.empty(), feedback));
  }

  /**
   * Listens and serves on all addresses, or on none.
   *
   * @throws ListenException if an address cannot be used
   */
  public static AgentServer start(ServeConfig config, Served served) throws ListenException {
    Optional<Tracer> tracer = tracer(config);
    TransportThreads threads = new TransportThreads();
    AgentServer agent = new AgentServer(config, served, threads, tracer);
    boolean started = false;
    try {
      // Everything that can be known before is: nobody is served by an agent that does not start.
      for (Listener listener : config.listeners()) {
        agent.listening.add(agent.prepare(listener, Transport.open(listener, threads)));
      }
      for (Listening each : agent.listening) {
        each.start();
      }
      started = true;
    } finally {
      if (!started) {
        agent.close();
      }
    }
    agent.health.update();
    return agent;
  }

  private static Optional<Tracer> tracer(ServeConfig config) throws ListenException {
    if (config.traces().isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(Tracer.start(config.traces().get()));
    } catch (IOException e) {
      throw new ListenException(
          "cannot send traces to %s: %s"
              .formatted(config.traces().get().collector(), e.getMessage()),
          e);
    }
  }

  /**
   * Tries whether an agent could listen there, without listening.
   *
   * @return one line that says who could open it
   * @throws ListenException if it could not
   */
  public static String tried(Listener listener) throws ListenException {
    try (TransportThreads threads = new TransportThreads();
        Transport transport = Transport.open(listener, threads)) {
      return transport.describe();
    }
  }

  /** What answers, for another transport beside these. */
  public InferenceService service() {
    return service;
  }

  /** The first of {@link #addresses}. */
  public ListenAddress address() {
    return listening.getFirst().address();
  }

  /** Where the agent really listens, as configured: a port is the bound one. */
  public List<ListenAddress> addresses() {
    return listening.stream().map(Listening::address).toList();
  }

  /** The same with the applications' names, for people. */
  public List<String> places() {
    return listening.stream().map(each -> each.listener().at(each.address()).toString()).toList();
  }

  /** Waits until the server is closed. */
  public void awaitClosed() throws InterruptedException {
    for (Listening each : listening) {
      each.server().awaitTermination();
    }
  }

  /** Takes no new call, lets open ones finish for the configured time, then ends them. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    health.end();
    listening.forEach(each -> each.server().shutdown());
    try {
      long end = System.nanoTime() + config.drain().toNanos();
      for (Listening each : listening) {
        if (!each.server().awaitTermination(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          each.server().shutdownNow();
          each.server().awaitTermination(1, TimeUnit.SECONDS);
        }
      }
    } catch (InterruptedException e) {
      listening.forEach(each -> each.server().shutdownNow());
      Thread.currentThread().interrupt();
    }
    calls.shutdown();
    feedback.ifPresent(FeedbackEndpoint::close);
    service.close();
    threads.close();
    listening.forEach(each -> each.transport().close());
  }
}
