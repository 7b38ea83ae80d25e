package io.skerry.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.wire.fleet.v1.Desired;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SlotModeTest {
  private static final SlotId BESIDE = new SlotId("wear");

  static Stream<DesiredSlot> orders() {
    return Stream.of(
        order(),
        order().withUnit(new UnitName("line-3")),
        order().withMode(new SlotMode.Ab(new SlotMode.Trial(BESIDE, 0.25))),
        order().withMode(new SlotMode.Shadow(new SlotMode.Trial(BESIDE, 1))),
        order().withMode(new SlotMode.Off()),
        order()
            .withMode(new SlotMode.Ab(new SlotMode.Trial(BESIDE, 0)))
            .withUnit(new UnitName("line-3")));
  }

  @ParameterizedTest
  @MethodSource("orders")
  void travelsUnchanged(DesiredSlot order) throws MalformedDocumentException {
    assertThat(ProtocolCodec.decodeDesired(ProtocolCodec.encode(document(order))))
        .isEqualTo(document(order));
  }

  static Stream<Consumer<io.skerry.wire.fleet.v1.DesiredSlot.Builder>> mistakes() {
    return Stream.of(
        slot -> slot.setModeValue(0),
        slot -> slot.setModeValue(5),
        slot -> slot.setModeValue(2).setShare(0.5),
        slot -> slot.setModeValue(2).setBeside("wear").setShare(1.01),
        slot -> slot.setModeValue(3).setBeside("wear").setShare(-0.1),
        slot -> slot.setModeValue(3).setBeside("wear").setShare(Double.NaN),
        slot -> slot.setModeValue(2).setBeside("wear-trial").setShare(0.5),
        slot -> slot.setModeValue(2).setBeside("No Slot").setShare(0.5),
        slot -> slot.setUnit("../unit"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void refusesTheWholeDocument(Consumer<io.skerry.wire.fleet.v1.DesiredSlot.Builder> mistake)
      throws Exception {
    Desired.Builder wire = Desired.parseFrom(ProtocolCodec.encode(document(order()))).toBuilder();
    mistake.accept(wire.getSlotsBuilder(0));

    byte[] bytes = wire.build().toByteArray();

    assertThatThrownBy(() -> ProtocolCodec.decodeDesired(bytes))
        .isInstanceOf(MalformedDocumentException.class);
  }

  @Test
  void onlyTrialsShareRequests() {
    SlotMode.Trial trial = new SlotMode.Trial(BESIDE, 0.5);

    assertThat(new SlotMode.Ab(trial).trial()).contains(trial);
    assertThat(new SlotMode.Shadow(trial).trial()).contains(trial);
    assertThat(new SlotMode.Active().trial()).isEmpty();
    assertThat(new SlotMode.Off().trial()).isEmpty();
  }

  private static DesiredDocument document(DesiredSlot order) {
    return new DesiredDocument(
        new TenantId("t"),
        new DeviceId("d"),
        new Generation(1, 2),
        Instant.ofEpochMilli(3),
        List.of(order));
  }

  private static DesiredSlot order() {
    return new DesiredSlot(
        new SlotId("wear-trial"),
        7,
        new ModelVersion(new ModelName("wear"), 8),
        Digest.parse("sha256:" + "a".repeat(64)),
        Digest.parse("sha256:" + "b".repeat(64)),
        URI.create("https://control:8443/artifacts"),
        Optional.of(new RolloutId("r1")),
        new SamplingRates(0.1, 1),
        Duration.ofMinutes(1),
        20,
        Duration.ofMinutes(5));
  }
}
