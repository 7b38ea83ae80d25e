package io.skerry.agent.serve;

import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.Predictor;
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

/**
 * The gRPC server of the agent: GRPCInferenceService, grpc.health.v1, reflection, and
 * FeedbackService where there is somebody to take feedback.
 */
public final class AgentServer implements AutoCloseable {
  private static final int WINDOW_BYTES = 1 << 20;

  private final ServeConfig config;
  private final Transport transport;
  private final ExecutorService calls;
  private final InferenceService service;
  private final ModelHealth health;
  private final Server server;
  private boolean closed;

  private AgentServer(ServeConfig config, Transport transport, Served served) {
    this.config = config;
    this.transport = transport;
    // Short runs are made on the transport's own threads, where a call costs no change of thread;
    // long ones would keep other clients waiting there. Two threads more than runs: they read HTTP
    // requests while every place to run is taken.
    this.calls =
        Executors.newFixedThreadPool(
            config.queue().runsMax() + 2, Thread.ofPlatform().name("agent-call-", 0).factory());
    this.service = new InferenceService(served, config, calls);
    HealthStatusManager manager = new HealthStatusManager();
    List<String> services = new ArrayList<>(List.of(GRPCInferenceServiceGrpc.SERVICE_NAME));
    NettyServerBuilder builder =
        transport
            .builder()
            .directExecutor()
            // A fixed window: to find one, gRPC would send a ping with the data of every call.
            .flowControlWindow(WINDOW_BYTES)
            .decompressorRegistry(DeflateCodec.DECOMPRESSORS)
            .maxInboundMessageSize(config.messageBytesMax())
            .maxConcurrentCallsPerConnection(config.callsPerConnectionMax())
            .addService(
                UnreadableRequests.answered(
                    ServerInterceptors.intercept(
                        new MemoryEndpoint(service), InferStream.ERROR_FORM)))
            .addService(manager.getHealthService())
            .addService(ProtoReflectionServiceV1.newInstance());
    if (served.feedback().isPresent()) {
      builder.addService(
          new FeedbackEndpoint(served.feedback().get(), InstantSource.system(), calls));
      services.add(FeedbackServiceGrpc.SERVICE_NAME);
    }
    this.server = builder.build();
    this.health = new ModelHealth(manager, served, services);
    served.slots().onChange(health::update);
  }

  /**
   * Listens and serves what a control plane decides.
   *
   * @param feedback who takes feedback; without one FeedbackService is not offered
   * @throws ListenException if the address cannot be used
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
   * Listens and serves.
   *
   * @throws ListenException if the address cannot be used
   */
  public static AgentServer start(ServeConfig config, Served served) throws ListenException {
    Transport transport = Transport.open(config.listen());
    AgentServer agent = new AgentServer(config, transport, served);
    boolean started = false;
    try {
      agent.server.start();
      transport.started();
      started = true;
    } catch (IOException e) {
      throw transport.refused(e);
    } finally {
      if (!started) {
        agent.close();
      }
    }
    agent.health.update();
    return agent;
  }

  /** What answers, for another transport beside this one. */
  public InferenceService service() {
    return service;
  }

  /** Where the agent really listens: the port is the bound one. */
  public ListenAddress address() {
    return config.listen() instanceof ListenAddress.Tcp tcp
        ? new ListenAddress.Tcp(tcp.host(), server.getPort())
        : config.listen();
  }

  /** Waits until the server is closed. */
  public void awaitClosed() throws InterruptedException {
    server.awaitTermination();
  }

  /** Takes no new call, lets open ones finish for the configured time, then ends them. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    health.end();
    server.shutdown();
    try {
      if (!server.awaitTermination(config.drain().toNanos(), TimeUnit.NANOSECONDS)) {
        server.shutdownNow();
        server.awaitTermination(1, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    calls.shutdown();
    service.close();
    transport.close();
  }
}
