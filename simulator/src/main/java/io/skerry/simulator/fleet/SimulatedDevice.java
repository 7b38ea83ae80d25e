package io.skerry.simulator.fleet;

import io.skerry.agent.boot.AgentExecutors;
import io.skerry.agent.boot.DeviceAgent;
import io.skerry.agent.boot.DeviceAgentConfig;
import io.skerry.agent.boot.DeviceIdentity;
import io.skerry.agent.boot.Enrolment;
import io.skerry.agent.boot.EnrolmentException;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.serve.Feedback;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.RecordStream;
import io.skerry.runtime.Tensor;
import io.skerry.simulator.machine.MachineData;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A device whose agent is real and whose hardware and machine are simulated. */
final class SimulatedDevice implements AutoCloseable {
  private static final long SPOOL_BYTES = 32L << 20;
  private static final int RING_CAPACITY = 256;

  private final String site;
  private final DeviceAgent agent;
  private final Application application;

  private SimulatedDevice(String site, DeviceAgent agent, Application application) {
    this.site = site;
    this.agent = agent;
    this.application = application;
  }

  /** What all devices of a fleet share. */
  record Shared(
      String token,
      ModelName model,
      Path folder,
      MachineData machines,
      EngineCatalog engines,
      AgentExecutors executors,
      HttpClient http) {}

  /** Enrols the device and starts its agent. */
  static SimulatedDevice start(FleetPlan.Planned planned, Shared shared)
      throws IOException, EnrolmentException, InterruptedException {
    DeviceIdentity identity =
        Enrolment.enrol(
            shared.http(),
            shared.token(),
            new DeviceId(planned.device()),
            Map.of("site", planned.site()),
            DeviceAgent.toProtocol(planned.facts()));
    DeviceAgent agent =
        DeviceAgent.start(
            DeviceAgentConfig.of(
                    shared.folder().resolve(planned.device()),
                    identity,
                    planned.facts(),
                    shared.engines(),
                    shared.executors(),
                    shared.http())
                .withLimits(SPOOL_BYTES, RING_CAPACITY, 1));
    int sensors = shared.machines().sensors().size();
    Application application =
        new Application(
            new MachineFeed(planned.machine(), sensors, planned.start()),
            new InProcess(agent, shared.model(), sensors));
    return new SimulatedDevice(planned.site(), agent, application);
  }

  void tick() {
    application.tick();
  }

  void shift(String at, int sensor, float amount) {
    if (site.equals(at)) {
      application.shift(sensor, amount);
    }
  }

  Application application() {
    return application;
  }

  long samples() {
    return agent.status().spooled().getOrDefault(RecordStream.SAMPLES, 0L);
  }

  long waiting() {
    return agent.status().waiting().values().stream().mapToLong(Long::longValue).sum();
  }

  long dropped() {
    return agent.status().dropped().values().stream().mapToLong(Long::longValue).sum();
  }

  @Override
  public void close() {
    agent.close();
  }

  /** Asks the agent's core as its gRPC server does, without the socket. */
  private record InProcess(DeviceAgent agent, ModelName model, long sensors)
      implements Application.Port {
    @Override
    public Optional<String> predict(float[] window) throws Application.PredictionFailed {
      List<Long> shape = List.of(1L, sensors, (long) MachineData.WINDOW);
      try {
        return Optional.of(
            agent
                .predictor()
                .predict(
                    PredictRequest.of(model, "", List.of(Tensor.ofFloats("input", shape, window))))
                .id()
                .toString());
      } catch (PredictException e) {
        if (e.code() == PredictException.Code.NOT_FOUND && agent.slots().active().isEmpty()) {
          return Optional.empty();
        }
        throw new Application.PredictionFailed(String.valueOf(e.getMessage()), e);
      }
    }

    @Override
    public void feedback(String predictionId, double actual) {
      agent.feedback().submit(new Feedback(predictionId, "", actual, Instant.now()));
    }
  }
}
