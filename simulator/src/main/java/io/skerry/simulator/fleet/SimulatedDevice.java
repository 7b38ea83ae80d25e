package io.skerry.simulator.fleet;

import io.skerry.agent.boot.AgentExecutors;
import io.skerry.agent.boot.DeviceAgent;
import io.skerry.agent.boot.DeviceAgentConfig;
import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.Enrolment;
import io.skerry.agent.identity.EnrolmentException;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.serve.Feedback;
import io.skerry.agent.time.DeviceClock;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.RecordStream;
import io.skerry.runtime.Tensor;
import io.skerry.simulator.machine.MachineData;
import java.io.IOException;
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
      AgentExecutors executors) {}

  /** Enrols the device and starts its agent. */
  static SimulatedDevice start(FleetPlan.Planned planned, Shared shared)
      throws IOException, EnrolmentException, InterruptedException {
    Path folder = shared.folder().resolve(planned.device());
    DeviceIdentity identity =
        new Enrolment(
                Disk.local(),
                folder,
                Optional.empty(),
                DeviceClock.open(Disk.local(), folder, AgentVersion.builtAt()))
            .enrol(
                shared.token(),
                new Enrolment.Applicant(
                    new DeviceId(planned.device()),
                    Map.of("site", planned.site()),
                    DeviceAgent.toProtocol(planned.facts())));
    DeviceAgent agent =
        DeviceAgent.start(
            DeviceAgentConfig.of(
                    folder, identity, planned.facts(), shared.engines(), shared.executors())
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
        if (e.code() == PredictException.Code.NOT_FOUND) {
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
