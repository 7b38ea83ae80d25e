package io.skerry.e2e.scene;

import io.skerry.agent.boot.DeviceAgent;
import io.skerry.agent.boot.DeviceIdentity;
import io.skerry.agent.boot.Enrolment;
import io.skerry.e2e.net.TcpProxy;
import io.skerry.profile.FactsProbe;
import io.skerry.protocol.DeviceId;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Makes a data folder the folder of an enrolled device. */
final class Enrolled {
  private Enrolled() {}

  /**
   * Enrols a device.
   *
   * @param link what its way to the broker leads through from now on
   */
  static void into(Path data, Plane plane, DeviceId device, TcpProxy link) throws Exception {
    try (HttpClient http = HttpClient.newHttpClient()) {
      DeviceIdentity identity =
          Enrolment.enrol(
              http,
              plane.server().enrolmentToken(),
              device,
              Map.of(),
              DeviceAgent.toProtocol(FactsProbe.detect(List.of("onnxruntime/cpu"))));
      link.target(identity.mqttPort());
      new DeviceIdentity(
              identity.tenant(),
              identity.device(),
              identity.secret(),
              "127.0.0.1",
              link.port(),
              identity.artifactBase(),
              identity.trust(),
              identity.rootKey(),
              identity.rootFingerprint())
          .store(data);
    }
  }
}
