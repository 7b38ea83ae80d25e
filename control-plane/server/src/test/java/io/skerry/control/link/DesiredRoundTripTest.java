package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5ConnAckException;
import com.hivemq.client.mqtt.mqtt5.message.subscribe.suback.Mqtt5SubAckReasonCode;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.control.EnrolledDevice;
import io.skerry.control.TestControlPlane;
import io.skerry.control.TestDevice;
import io.skerry.control.device.DesiredService;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.device.SlotOrder;
import io.skerry.control.sql.Database;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.Envelope;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class DesiredRoundTripTest {
  private static final SlotId MAIN = new SlotId("main");

  private final TestControlPlane plane = TestControlPlane.shared();
  private final DesiredService desired = plane.bean(DesiredService.class);
  private final SigningKeys keys = plane.bean(SigningKeys.class);

  @Test
  void bringsASignedOrderToTheDevice() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "desired-1").connect()) {
      order(List.of(device.id()), "engine-health@1");

      DesiredDocument document = read(device);

      assertThat(document.device()).isEqualTo(device.id());
      DesiredSlot slot = document.slot(MAIN).orElseThrow();
      assertThat(slot.revision()).isEqualTo(1);
      assertThat(slot.version()).isEqualTo(ModelVersion.parse("engine-health@1"));
      assertThat(slot.artifactBase()).hasToString(plane.controlBase() + "/artifacts");
      assertThat(slot.rollout()).contains(new RolloutId("r-1"));
    }
  }

  @Test
  void givesTheNewestOrderToADeviceThatWasAway() throws Exception {
    TestDevice device = TestDevice.enrolled(plane, "desired-2");
    order(List.of(device.id()), "engine-health@1");
    order(List.of(device.id()), "engine-health@2");

    try (device) {
      device.connect();
      DesiredDocument document = read(device);
      while (document.generation().counter() < 2) {
        document = read(device);
      }

      assertThat(document.slot(MAIN).orElseThrow().revision()).isEqualTo(2);
      assertThat(document.slot(MAIN).orElseThrow().version().version()).isEqualTo(2);
    }
  }

  @Test
  void growsOneSlotAndLeavesTheOthers() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "desired-3").connect()) {
      order(List.of(device.id()), "engine-health@1");
      read(device);
      plane
          .bean(Database.class)
          .run(
              transaction ->
                  desired.order(
                      transaction,
                      List.of(device.id(), new DeviceId("nobody")),
                      new SlotId("second"),
                      slotOrder("other@9")));

      DesiredDocument document = read(device);

      assertThat(document.generation().counter()).isEqualTo(2);
      assertThat(document.slot(MAIN).orElseThrow().revision()).isEqualTo(1);
      assertThat(document.slot(new SlotId("second")).orElseThrow().version())
          .isEqualTo(ModelVersion.parse("other@9"));
    }
  }

  @Test
  void ordersNothingWhenTheTransactionFails() {
    try (TestDevice device = TestDevice.enrolled(plane, "desired-4")) {
      assertThatThrownBy(
              () ->
                  plane
                      .bean(Database.class)
                      .run(
                          transaction -> {
                            desired.order(
                                transaction, List.of(device.id()), MAIN, slotOrder("m@1"));
                            throw new IllegalStateException("changed our mind");
                          }))
          .hasMessage("changed our mind");

      assertThat(plane.get("/v1/devices/desired-4").body()).contains("\"generation\":null");
    }
  }

  @Test
  void refusesARevokedCertificate() {
    try (TestDevice device = TestDevice.enrolled(plane, "login-1")) {
      plane.post("/v1/devices/login-1/revocation", "{\"reason\":\"stolen\"}");

      assertThatThrownBy(device::connect)
          .isInstanceOf(Mqtt5ConnAckException.class)
          .hasMessageContaining("NOT_AUTHORIZED");
    }
  }

  @Test
  void refusesACertificateUnderAnotherDevicesName() {
    EnrolledDevice other = EnrolledDevice.enrol(plane, "login-2");
    try (TestDevice device = TestDevice.of(plane, other, "login-3")) {
      assertThatThrownBy(device::connect)
          .isInstanceOf(Mqtt5ConnAckException.class)
          .hasMessageContaining("CLIENT_IDENTIFIER_NOT_VALID");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "other, windows, false, 1",
    "publish-2, desired, true, 1",
    "publish-3, windows, true, 1",
    "publish-4, windows, false, 262145",
  })
  void refusesWhatADeviceMayNotPublish(String ofDevice, String kind, boolean retained, int bytes) {
    String name = ofDevice.equals("other") ? "publish-1" : ofDevice;
    String topic = "skerry/v1/default/devices/" + ofDevice + "/" + kind;
    try (TestDevice device = TestDevice.enrolled(plane, name).connect()) {
      assertThat(device.publishOn(topic, new byte[bytes], retained))
          .hasValueSatisfying(reason -> assertThat(reason).startsWith("not_authorized"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "#",
        "skerry/v1/default/devices/+/desired",
        "skerry/v1/default/devices/subscribe-1/reported"
      })
  void refusesWhatADeviceMayNotRead(String filter) {
    String name = "subscribe-" + Integer.toHexString(filter.hashCode());
    try (TestDevice device = TestDevice.enrolled(plane, name).connect()) {
      assertThat(device.subscribe(filter)).isEqualTo(Mqtt5SubAckReasonCode.NOT_AUTHORIZED);
    }
  }

  private void order(List<DeviceId> devices, String version) {
    plane
        .bean(Database.class)
        .run(transaction -> desired.order(transaction, devices, MAIN, slotOrder(version)));
  }

  private static SlotOrder slotOrder(String version) {
    return new SlotOrder(
        ModelVersion.parse(version),
        Digest.of(new byte[] {1}),
        Digest.of(new byte[] {2}),
        Optional.of(new RolloutId("r-1")),
        new SamplingRates(0.1, 1),
        Duration.ofSeconds(5),
        20,
        Duration.ofSeconds(30));
  }

  private DesiredDocument read(TestDevice device) throws Exception {
    Envelope wire = Envelope.parseFrom(device.next(Topics.DESIRED).getPayloadAsBytes());
    DsseEnvelope envelope =
        new DsseEnvelope(
            wire.getPayloadType(),
            wire.getPayload().toByteArray(),
            wire.getSignaturesList().stream()
                .map(
                    signature ->
                        new DsseSignature(
                            signature.getKeyId(), signature.getSignature().toByteArray()))
                .toList());
    return ProtocolCodec.decodeDesired(
        Dsse.verify(
            envelope, DesiredDocument.PAYLOAD_TYPE, List.of(keys.director().verificationKey())));
  }
}
