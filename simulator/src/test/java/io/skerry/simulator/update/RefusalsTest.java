package io.skerry.simulator.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.wire.fleet.v1.Desired;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a device does not begin, how it says so, and that it goes on with what it runs. */
class RefusalsTest {
  private static final long MEMORY_BUDGET = 256L << 20;

  @TempDir static Path folder;
  private static Factory factory;
  private UpdateRig rig;

  @BeforeAll
  static void release() throws IOException {
    factory = new Factory(folder);
    factory.release(1, false);
    factory.release(2, false);
  }

  @BeforeEach
  void commitFirst() {
    rig = new UpdateRig(factory);
    rig.boot();
    rig.order(factory.order(1, 1));
    rig.seconds(10);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
  }

  static Stream<Arguments> hostile() {
    byte[] noise = new byte[500];
    new Random(1).nextBytes(noise);
    byte[] cut = factoryOrder();
    return Stream.of(
        Arguments.of("noise", noise, ErrorCode.DESIRED_MALFORMED),
        Arguments.of("oversize", new byte[1 << 20], ErrorCode.DESIRED_MALFORMED),
        Arguments.of("cut", Arrays.copyOf(cut, cut.length / 2), ErrorCode.DESIRED_MALFORMED));
  }

  private static byte[] factoryOrder() {
    return factory.order(9, 2);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostile")
  void refusesWhatIsNoDocument(String what, byte[] message, ErrorCode code) {
    rig.receive(message);
    rig.receive(message);
    rig.second();

    assertThat(rig.report().flatMap(SlotReport::error).map(SlotReport.Failure::code))
        .contains(code);
    assertThat(rig.events).containsExactly("COMMITTED", code.name());
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.active()).isEqualTo(1);
  }

  @Test
  void refusesWhatIsForAnotherDevice() {
    rig.receive(
        factory.signed(
            new DesiredDocument(
                Factory.TENANT,
                new DeviceId("d2"),
                new Generation(1, 9),
                Factory.BEGIN,
                List.of())));

    assertThat(rig.report().flatMap(SlotReport::error).orElseThrow().detail())
        .contains("default/d2");
    assertThat(rig.observed()).isEqualTo(new Generation(1, 1));
    assertThat(rig.active()).isEqualTo(1);
  }

  @Test
  void refusesWhatAnotherDirectorSigned() {
    Factory stranger = new Factory(folder.resolve("stranger"));
    rig.receive(
        stranger.signed(
            new DesiredDocument(
                Factory.TENANT, Factory.DEVICE, new Generation(1, 9), Factory.BEGIN, List.of())));

    assertThat(rig.report().flatMap(SlotReport::error).map(SlotReport.Failure::code))
        .contains(ErrorCode.DESIRED_SIGNATURE_INVALID);
    assertThat(rig.active()).isEqualTo(1);
  }

  private static byte[] expiring(long counter, int version, Instant end) {
    DesiredDocument order = factory.document(counter, version);
    return factory.signed(
        new DesiredDocument(
            order.tenant(),
            order.device(),
            order.generation(),
            order.issuedAt(),
            Optional.of(end),
            order.slots()));
  }

  @Test
  void anExpiredOrderIsRefusedAndWhatRunsGoesOn() {
    rig.receive(expiring(2, 2, Factory.BEGIN));
    rig.receive(expiring(2, 2, Factory.BEGIN));
    rig.seconds(10);

    assertThat(rig.active()).isEqualTo(1);
    assertThat(rig.observed()).isEqualTo(new Generation(1, 1));
    assertThat(rig.report().flatMap(SlotReport::error).map(SlotReport.Failure::code))
        .contains(ErrorCode.DESIRED_EXPIRED);
    assertThat(rig.events).containsExactly("COMMITTED", "DESIRED_EXPIRED");
  }

  @Test
  void anOrderThatExpiresAfterItWasTakenRunsOnForYears() {
    rig.order(expiring(2, 2, rig.clock.plusSeconds(2)));
    rig.seconds(20);
    assertThat(rig.active()).isEqualTo(2);

    rig.clock = rig.clock.plus(Duration.ofDays(800));
    rig.connect();
    rig.seconds(3);
    rig.boot();
    rig.seconds(3);

    assertThat(rig.active()).isEqualTo(2);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.report().flatMap(SlotReport::error)).isEmpty();
  }

  @Test
  void anOrderRefusedByAWrongClockIsTakenWhenTheClockIsRight() {
    Instant right = rig.clock;
    rig.clock = right.plus(Duration.ofDays(3650));
    rig.order(expiring(2, 2, right.plus(Duration.ofDays(1))));
    rig.second();
    assertThat(rig.active()).isEqualTo(1);

    rig.clock = right;
    rig.seconds(20);

    assertThat(rig.active()).isEqualTo(2);
  }

  @Test
  void saysThatItDoesNotKnowWhatANewerControlPlaneOrders() throws Exception {
    Desired.Builder newer =
        Desired.parseFrom(ProtocolCodec.encode(factory.document(2, 2))).toBuilder();
    newer.getSlotsBuilder(0).setModeValue(77);
    rig.receive(factory.signed(newer.build().toByteArray()));
    rig.second();

    SlotReport.Failure failure = rig.report().flatMap(SlotReport::error).orElseThrow();
    assertThat(failure.code()).isEqualTo(ErrorCode.DESIRED_UNSUPPORTED);
    assertThat(failure.detail()).contains("mode 77", "update the agent");
    assertThat(rig.active()).isEqualTo(1);
  }

  @Test
  void whateverADirectorSignsTheDeviceRunsOn() {
    byte[] good = ProtocolCodec.encode(factory.document(2, 2));
    Random random = new Random(5);
    for (int round = 0; round < 1500; round++) {
      byte[] bad = good.clone();
      for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      rig.receive(
          factory.signed(
              random.nextBoolean() ? bad : Arrays.copyOf(bad, random.nextInt(bad.length))));
      rig.second();

      assertThat(rig.active()).as("round %d", round).isIn(1L, 2L);
    }
  }

  @Test
  void aThiefsHugeGenerationEndsWithTheStolenDirectorKey() {
    rig.receive(factory.order(1L << 60, 2));
    rig.seconds(10);
    assertThat(rig.active()).isEqualTo(2);
    rig.receive(factory.order(3, 1));
    rig.seconds(10);
    assertThat(rig.active()).isEqualTo(2);

    rig.boot();
    Factory.Rotated rotated = factory.rotateDirector(rig.trust);
    byte[] order = factory.signed(factory.document(4, 1), rotated.director());
    rig.order(order);
    rig.second();
    assertThat(rig.report().flatMap(SlotReport::error).map(SlotReport.Failure::code))
        .contains(ErrorCode.DESIRED_SIGNATURE_INVALID);

    // The order came before the root that names its key: nobody sends it again.
    rig.trust = rotated.trust();
    rig.seconds(20);

    assertThat(rig.active()).isEqualTo(1);
    assertThat(rig.observed()).isEqualTo(new Generation(1, 4));
    rig.boot();
    rig.receive(factory.signed(factory.document(3, 2), rotated.director()));
    rig.seconds(10);
    assertThat(rig.active()).isEqualTo(1);
  }

  private void refuses(ErrorCode code, SlotPhase phase, String detail) {
    SlotReport report = rig.report().orElseThrow();
    assertThat(report.phase()).isEqualTo(phase);
    assertThat(report.error().map(SlotReport.Failure::code)).contains(code);
    assertThat(report.error().orElseThrow().detail()).contains(detail);
    assertThat(rig.events).containsExactly("COMMITTED", code.name());
    assertThat(rig.active()).isEqualTo(1);
    assertThat(rig.engine.open).isEqualTo(1);
  }

  @Test
  void refusesAModelThatMakesTheProcessGrowByMoreThanItsProfileAllows() {
    rig.engine.growth.addAll(List.of(MEMORY_BUDGET + 2, MEMORY_BUDGET + 1));

    rig.order(factory.order(2, 2));
    rig.seconds(10);

    refuses(
        ErrorCode.ACCEPTANCE_MEMORY,
        SlotPhase.REJECTED,
        "scale@2 takes too much memory: the process grew by " + (MEMORY_BUDGET + 1) + " bytes");
  }

  /** Whatever else the process does meanwhile only ever adds: the smaller measurement counts. */
  @Test
  void takesAModelThatFitsInTheSecondMeasurement() {
    rig.engine.growth.addAll(List.of(10 * MEMORY_BUDGET, MEMORY_BUDGET));

    rig.order(factory.order(2, 2));
    rig.seconds(10);

    assertThat(rig.active()).isEqualTo(2);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.engine.open).isEqualTo(1);
  }

  @Test
  void refusesAModelWhoseFileAloneIsMoreThanTheMachineHasLeft() {
    rig.available = OptionalLong.of(3);

    rig.order(factory.order(2, 2));
    rig.seconds(10);

    refuses(ErrorCode.ACCEPTANCE_MEMORY, SlotPhase.REJECTED, "this device has 3 left");
  }

  @Test
  void refusesAModelWhoseFileAloneIsMoreThanItsProfileAllows() throws IOException {
    Path profiles = Files.createDirectories(folder.resolve("profiles"));
    Files.writeString(
        profiles.resolve("x86-64-avx2.yaml"),
        ProfileCatalog.builtIn()
            .yaml("x86-64-avx2")
            .orElseThrow()
            .replace("memory-budget: 256 MiB", "memory-budget: 1 KiB\nreplaces-built-in: true"));
    rig.profiles = ProfileCatalog.load(profiles);
    rig.boot();

    rig.order(factory.order(2, 2));
    rig.seconds(10);

    SlotReport.Failure failure = rig.report().flatMap(SlotReport::error).orElseThrow();
    assertThat(failure.code()).isEqualTo(ErrorCode.ACCEPTANCE_MEMORY);
    assertThat(failure.detail()).contains("its file alone has", "allows 1024");
    assertThat(rig.active()).isEqualTo(1);
  }

  /** Without a key nothing can be fetched; what runs goes on, and a next order may succeed. */
  @Test
  void saysThatItsIdentityCannotBeUsed() {
    rig.keyFault = Optional.of("key-1.p12 is damaged: run 'skerry agent enroll --again'");
    rig.order(factory.order(2, 2));
    rig.seconds(10);
    refuses(ErrorCode.IDENTITY_UNUSABLE, SlotPhase.FAILED, "run 'skerry agent enroll --again'");

    rig.keyFault = Optional.empty();
    rig.order(factory.order(3, 2));
    rig.seconds(10);

    assertThat(rig.active()).isEqualTo(2);
  }

  @Test
  void aReplayOfAnOlderOrderChangesNothing() {
    rig.order(factory.order(2, 2));
    rig.seconds(10);

    rig.receive(factory.order(1, 1));
    rig.seconds(5);

    assertThat(rig.active()).isEqualTo(2);
    assertThat(rig.observed()).isEqualTo(new Generation(1, 2));
  }

  @Test
  void anEmptyDocumentIsNoOrder() {
    rig.receive(new byte[0]);
    rig.receive(
        factory.signed(
            new DesiredDocument(
                Factory.TENANT, Factory.DEVICE, new Generation(1, 2), Factory.BEGIN, List.of())));
    rig.seconds(5);

    assertThat(rig.active()).isEqualTo(1);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.applied()).isEqualTo(new Generation(1, 2));
  }

  @Test
  void waitsForFreshMetadataAndBeginsByItself() {
    rig.clock = Factory.BEGIN.plus(Duration.ofDays(31));
    rig.order(factory.order(2, 2));
    rig.seconds(20);
    SlotReport waiting = rig.report().orElseThrow();

    rig.trust =
        rig.trust.withSnapshot(
            factory.snapshot(2, Factory.BEGIN.plus(Duration.ofDays(60))), rig.clock);
    rig.seconds(10);

    assertThat(waiting.phase()).isEqualTo(SlotPhase.IDLE);
    assertThat(waiting.revision()).isEqualTo(2);
    assertThat(waiting.error().orElseThrow().code()).isEqualTo(ErrorCode.SNAPSHOT_EXPIRED);
    assertThat(waiting.running().orElseThrow().version().version()).isEqualTo(1);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.active()).isEqualTo(2);
  }

  @Test
  void runsForWeeksWithoutTheControlPlane() {
    rig.online = false;
    rig.clock = Factory.BEGIN.plus(Duration.ofDays(60));
    rig.close();

    rig.boot();
    rig.seconds(5);

    assertThat(rig.active()).isEqualTo(1);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
  }

  @Test
  void aClockThatJumpsEndsNoOrder() {
    rig.order(factory.order(2, 2));
    rig.clock = Factory.BEGIN.plus(Duration.ofDays(10));
    rig.second();
    rig.clock = Factory.BEGIN;
    rig.seconds(10);

    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.active()).isEqualTo(2);
  }
}
