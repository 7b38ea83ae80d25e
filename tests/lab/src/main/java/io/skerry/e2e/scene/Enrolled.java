package io.skerry.e2e.scene;

import io.skerry.agent.boot.DeviceAgent;
import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.Enrolment;
import io.skerry.agent.time.DeviceClock;
import io.skerry.e2e.net.TcpProxy;
import io.skerry.profile.FactsProbe;
import io.skerry.protocol.DeviceId;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Makes a data folder the folder of an enrolled device. */
final class Enrolled {
  private Enrolled() {}

  /**
   * Enrols a device.
   *
   * @param link what its way to the broker leads through from now on
   */
  static void into(Path data, Plane plane, DeviceId device, TcpProxy link) throws Exception {
    DeviceIdentity identity =
        new Enrolment(
                Disk.local(),
                data,
                Optional.empty(),
                DeviceClock.open(Disk.local(), data, AgentVersion.builtAt()))
            .enrol(
                plane.server().enrolmentToken(),
                new Enrolment.Applicant(
                    device,
                    Map.of(),
                    DeviceAgent.toProtocol(FactsProbe.detect(List.of("onnxruntime/cpu")))));
    link.target(identity.mqttPort());
    identity.through("127.0.0.1", link.port()).store(Disk.local(), data);
  }
}
