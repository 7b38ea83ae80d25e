package io.skerry.simulator.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.SlotPhase;
import io.skerry.simulator.disk.Failure;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Orders that come while a device's disk takes nothing, and what becomes of them when it does. */
class UnwritableDiskTest {
  private static final int HOURS_25 = 25 * 60;

  @TempDir static Path folder;
  private static Factory factory;

  @BeforeAll
  static void release() throws IOException {
    factory = new Factory(folder);
    factory.release(1, false);
    factory.release(2, false);
  }

  private static UpdateRig serving() {
    UpdateRig rig = new UpdateRig(factory);
    rig.boot();
    rig.order(factory.order(1, 1));
    rig.seconds(60);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.active()).isEqualTo(1);
    return rig;
  }

  private static void unwritable(UpdateRig rig, Failure failure) {
    rig.disk.failFrom(rig.disk.operations() + 1, failure);
  }

  /** Seconds until a version is committed, in each of which some version has to answer. */
  private static void answersUntilCommitted(UpdateRig rig, int version, long revision) {
    for (int second = 0; second < 120; second++) {
      rig.second();
      assertThat(rig.answering()).as("second %d", second).isEqualTo(1);
    }
    assertThat(rig.active()).isEqualTo(version);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.revision()).isEqualTo(revision);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void goesOnAnsweringWhenASwitchOffIsOvertakenBeforeItIsDone(int next) {
    UpdateRig rig = serving();
    unwritable(rig, Failure.READ_ONLY);
    rig.order(factory.off(2, 1));
    rig.seconds(5);
    rig.order(factory.off(3, 1));
    rig.seconds(5);
    rig.order(factory.order(4, next));
    rig.seconds(5);
    assertThat(rig.active()).isEqualTo(1);
    rig.events.clear();

    rig.disk.heal();

    answersUntilCommitted(rig, next, 4);
    assertThat(rig.events).as("nothing is told of the switch-off").containsExactly("COMMITTED");
  }

  @Test
  void leavesNoUnprovenVersionUnwatchedWhenASwitchOffIsOvertaken() {
    UpdateRig rig = serving();
    rig.order(factory.order(2, 2));
    for (int i = 0; i < 30 && rig.phase() != SlotPhase.PROBATION; i++) {
      rig.second();
    }
    assertThat(rig.active()).isEqualTo(2);
    unwritable(rig, Failure.FULL);
    rig.order(factory.off(3, 2));
    rig.order(factory.order(4, 1));
    rig.seconds(5);
    assertThat(rig.active()).as("back on what is proven").isEqualTo(1);

    rig.disk.heal();

    answersUntilCommitted(rig, 1, 4);
  }

  @Test
  void stillSwitchesOffWhatNoNewerOrderWantsOn() {
    UpdateRig rig = serving();
    unwritable(rig, Failure.READ_ONLY);
    rig.order(factory.off(2, 1));
    rig.seconds(5);
    assertThat(rig.active()).isEqualTo(1);

    rig.disk.heal();
    rig.seconds(5);

    assertThat(rig.answering()).isZero();
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.revision()).isEqualTo(2);
  }

  @ParameterizedTest
  @EnumSource(names = {"READ_ONLY", "FULL"})
  void spendsNoTimeOfAnOrderWhileItsDiskTakesNothing(Failure failure) {
    UpdateRig rig = serving();
    unwritable(rig, failure);
    rig.order(factory.order(2, 2));
    rig.minutes(2 * HOURS_25);
    assertThat(rig.active()).isEqualTo(1);

    rig.disk.heal();

    answersUntilCommitted(rig, 2, 2);
  }

  /** Whichever step it is that cannot be written down: nobody hung. */
  @Test
  void callsNoStepHungThatWaitsForItsDisk() {
    UpdateRig undisturbed = serving();
    long before = undisturbed.disk.operations();
    undisturbed.order(factory.order(2, 2));
    undisturbed.seconds(60);
    long operations = undisturbed.disk.operations() - before;
    for (long operation = 1; operation <= operations; operation++) {
      UpdateRig rig = serving();
      rig.events.clear();
      rig.disk.failFrom(rig.disk.operations() + operation, Failure.READ_ONLY);
      rig.order(factory.order(2, 2));
      rig.minutes(20);

      rig.disk.heal();
      rig.seconds(60);

      assertThat(rig.active()).as("operation %d", operation).isEqualTo(2);
      assertThat(rig.events).as("operation %d", operation).containsExactly("COMMITTED");
    }
  }
}
