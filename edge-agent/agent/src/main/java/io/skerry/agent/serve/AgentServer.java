package io.skerry.agent.serve;

import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.Predictor;
import io.skerry.wire.agent.v1.FeedbackServiceGrpc;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import java.io.IOException;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * The gRPC server of the agent: GRPCInferenceService, grpc.health.v1, and FeedbackService where
 * there is somebody to take feedback.
 */
public final class AgentServer implements AutoCloseable {
  private final ServeConfig config;
  private final Transport transport;
  private final ExecutorService calls;
  private final HealthStatusManager health;
  private final Server server;
  private boolean closed;

  private AgentServer(
      ServeConfig config,
      Transport transport,
      ExecutorService calls,
      HealthStatusManager health,
      Server server) {
    this.config = config;
    this.transport = transport;
    this.calls = calls;
    this.health = health;
    this.server = server;
  }

  /**
   * Listens and serves.
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
    Transport transport = Transport.open(config.listen());
    // Runs block their thread in native code; the transport's threads must stay free for the rest.
    ExecutorService calls =
        Executors.newFixedThreadPool(
            2 * Runtime.getRuntime().availableProcessors(),
            Thread.ofPlatform().name("agent-call-", 0).factory());
    HealthStatusManager health = new HealthStatusManager();
    NettyServerBuilder builder =
        transport
            .builder()
            .executor(calls)
            .maxInboundMessageSize(config.messageBytesMax())
            .maxConcurrentCallsPerConnection(config.callsPerConnectionMax())
            .addService(new InferenceEndpoint(slots, predictor, listing))
            .addService(health.getHealthService());
    feedback.ifPresent(
        sink -> builder.addService(new FeedbackEndpoint(sink, InstantSource.system())));
    Server server = builder.build();
    AgentServer agent = new AgentServer(config, transport, calls, health, server);
    boolean started = false;
    try {
      server.start();
      transport.started();
      started = true;
    } catch (IOException e) {
      throw transport.refused(e);
    } finally {
      if (!started) {
        agent.close();
      }
    }
    health.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, ServingStatus.SERVING);
    health.setStatus(GRPCInferenceServiceGrpc.SERVICE_NAME, ServingStatus.SERVING);
    if (feedback.isPresent()) {
      health.setStatus(FeedbackServiceGrpc.SERVICE_NAME, ServingStatus.SERVING);
    }
    return agent;
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
    health.enterTerminalState();
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
    transport.close();
  }
}
