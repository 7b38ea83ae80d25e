package io.skerry.simulator.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.Digest;
import io.skerry.protocol.SlotPhase;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A bit of a running version's monitoring plan flips on the device's disk. */
class UnreadPlanTest {
  private static final byte[] PLAN =
      MonitoringManifests.fromReference(
              "input",
              List.of(new MonitoringManifests.Feature("a", 0)),
              new float[][] {{1}, {2}, {3}},
              "output",
              new float[] {0, 0.1f, 0.2f},
              0.5)
          .toByteArray();
  private static final String BLOB = Digest.of(PLAN).hex();

  @TempDir private Path folder;
  private Factory factory;
  private UpdateRig rig;

  @BeforeEach
  void startWithoutItsPlan() throws IOException {
    factory = new Factory(folder);
    factory.release(1, false, PLAN);
    rig = new UpdateRig(factory);
    rig.boot();
    rig.order(factory.order(1, 1));
    rig.seconds(10);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    rig.close();
    damage(BLOB);
    rig.online = false;
    start();
  }

  private void damage(String blob) throws IOException {
    rig.disk.flipBit(UpdateRig.FOLDER.resolve("blobs").resolve("sha256").resolve(blob), 9);
  }

  private void start() {
    rig.plans.clear();
    rig.revisions.clear();
    rig.events.clear();
    rig.boot();
  }

  @Test
  void itsVersionAnswersAndTheControlPlaneIsTold() {
    assertThat(rig.active()).isEqualTo(1);
    assertThat(rig.plans).singleElement().matches(MonitoringPlan::isUnread);
    assertThat(rig.events).containsExactly("MONITORING_UNREADABLE");
  }

  @Test
  void itIsFetchedAgainOnceTheControlPlaneIsReached() {
    rig.minutes(600);
    assertThat(rig.plans).hasSize(1);
    assertThat(rig.isSettled()).isFalse();

    rig.connect();
    rig.seconds(5);

    assertThat(rig.plans).hasSize(2);
    assertThat(rig.plans.getLast().streams()).startsWith("a", "$score");
    assertThat(rig.events).containsExactly("MONITORING_UNREADABLE", "MONITORING_MENDED");
    assertThat(rig.isSettled()).isTrue();
    rig.close();
    start();
    assertThat(rig.plans).singleElement().matches(plan -> !plan.isUnread());
    assertThat(rig.events).isEmpty();
  }

  @Test
  void whatCannotBeFetchedIsGivenUpUntilTheNextStart() {
    byte[] gone = factory.blobs.remove(BLOB);
    rig.connect();

    rig.minutes(24 * 60);

    assertThat(rig.isSettled()).isTrue();
    assertThat(rig.plans).hasSize(1);
    assertThat(rig.events).containsExactly("MONITORING_UNREADABLE", "MONITORING_UNREADABLE");
    assertThat(rig.active()).isEqualTo(1);
    factory.blobs.put(BLOB, gone);
    rig.close();
    start();
    rig.seconds(5);
    assertThat(rig.events).containsExactly("MONITORING_UNREADABLE", "MONITORING_MENDED");
  }

  @Test
  void anotherVersionNeedsItNoMore() throws IOException {
    factory.blobs.remove(BLOB);
    factory.release(2, false);
    rig.connect();
    rig.seconds(5);

    rig.order(factory.order(2, 2));
    rig.seconds(20);

    assertThat(rig.active()).isEqualTo(2);
    assertThat(rig.isSettled()).isTrue();
    assertThat(rig.events).containsExactly("MONITORING_UNREADABLE", "COMMITTED");
  }

  @Test
  void settingsThatCameMeanwhileStay() throws IOException {
    rig.connect();
    rig.seconds(5);
    rig.events.clear();
    rig.online = false;
    damage(BLOB);
    rig.receive(factory.order(2, 1));
    rig.second();
    // The bit flips back, and newer settings come before anything is fetched.
    damage(BLOB);
    rig.receive(factory.order(3, 1));
    rig.seconds(2);
    assertThat(rig.revisions.getLast()).isEqualTo(3);
    rig.revisions.clear();

    rig.connect();
    rig.minutes(120);

    assertThat(rig.revisions).isEmpty();
    assertThat(rig.events)
        .filteredOn(event -> event.startsWith("MONITORING"))
        .containsExactly("MONITORING_UNREADABLE", "MONITORING_MENDED");
    assertThat(rig.isSettled()).isTrue();
  }

  @Test
  void settingsThatComeWhileItIsFetchedHold() {
    factory.meanwhile.put(BLOB, () -> rig.order(factory.order(2, 1)));
    rig.connect();
    rig.revisions.clear();

    rig.seconds(5);

    assertThat(rig.revisions).isNotEmpty().containsOnly(2L);
    assertThat(rig.plans.getLast().isUnread()).isFalse();
  }

  @Test
  void settingsThatComeWhileItIsFetchedBeginNoSecondFetch() {
    factory.asked.clear();
    factory.meanwhile.put(
        BLOB,
        () -> {
          rig.order(factory.order(2, 1));
          rig.seconds(5);
        });
    rig.connect();

    rig.seconds(5);

    assertThat(factory.asked).containsExactly(BLOB);
    assertThat(rig.revisions.getLast()).isEqualTo(2);
    assertThat(rig.isSettled()).isTrue();
  }

  @Test
  void anOrderEndsItsFetch() throws IOException {
    factory.release(2, false, PLAN);
    factory.meanwhile.put(BLOB, () -> rig.order(factory.order(2, 2)));
    rig.connect();

    rig.seconds(20);

    assertThat(rig.active()).isEqualTo(2);
    assertThat(rig.isSettled()).isTrue();
    assertThat(rig.events).containsExactly("MONITORING_UNREADABLE", "COMMITTED");
  }

  @Test
  void anOrderThatComesToNothingLetsItBeFetched() throws IOException {
    factory.release(2, false, PLAN);
    factory.blobs.remove(factory.document(2, 2).slots().getFirst().signature().hex());
    factory.meanwhile.put(BLOB, () -> rig.order(factory.order(2, 2)));
    rig.connect();

    rig.minutes(60);

    assertThat(rig.active()).isEqualTo(1);
    assertThat(rig.events.getLast()).isEqualTo("MONITORING_MENDED");
    assertThat(rig.isSettled()).isTrue();
  }

  @Test
  void aDamagedEnvelopeIsFetchedAgain() throws IOException {
    rig.connect();
    rig.seconds(5);
    damage(factory.document(1, 1).slots().getFirst().signature().hex());

    rig.order(factory.order(2, 1));
    rig.minutes(600);

    assertThat(rig.revisions.getLast()).isEqualTo(2);
    assertThat(rig.events.getLast()).isEqualTo("MONITORING_MENDED");
    assertThat(rig.isSettled()).isTrue();
  }

  @Test
  void theControlPlaneIsNeededOnlyWhenAnAttemptIsDue() {
    assertThat(rig.needsControlPlane()).isTrue();
    factory.blobs.remove(BLOB);
    rig.connect();
    int needed = 0;
    for (int minute = 0; minute < 60; minute++) {
      rig.minutes(1);
      needed += rig.needsControlPlane() ? 1 : 0;
    }

    assertThat(rig.isSettled()).isFalse();
    assertThat(needed).isLessThan(10);
  }

  @ParameterizedTest
  @ValueSource(classes = {OutOfMemoryError.class, StackOverflowError.class, LinkageError.class})
  void anErrorIsAFailedAttempt(Class<? extends Error> error) throws ReflectiveOperationException {
    rig.fault = Optional.of(error.getConstructor().newInstance());
    rig.connect();
    rig.seconds(5);
    assertThat(rig.plans).hasSize(1);
    rig.fault = Optional.empty();

    rig.minutes(10);

    assertThat(rig.events).containsExactly("MONITORING_UNREADABLE", "MONITORING_MENDED");
    assertThat(rig.isSettled()).isTrue();
  }
}
