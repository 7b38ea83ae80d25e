package io.skerry.simulator.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotPhase;
import io.skerry.simulator.disk.Failure;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.Stop;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Three orders on one device: the first commits, the second commits, the third is bad and rolled
 * back. The machine is stopped at every operation that changes the disk, and the disk fails at
 * every one of them; the operations are counted in a run without faults, not listed by hand.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("slow")
class CrashPointsTest {
  private static final int SECONDS_MAX = 300;

  @TempDir static Path folder;
  private static Factory factory;

  @BeforeAll
  static void release() throws IOException {
    factory = new Factory(folder);
    factory.release(1, false);
    factory.release(2, false);
    factory.release(3, true);
  }

  /**
   * The control plane's side of a run: goes on when an order is over, asks again after a failure.
   */
  private static final class Operator {
    private final UpdateRig rig;
    private int version;
    private long generation;
    private long committed;

    Operator(UpdateRig rig) {
      this.rig = rig;
    }

    /** The same, of what became of the device that this one looked after. */
    Operator(UpdateRig rig, Operator before) {
      this.rig = rig;
      this.version = before.version;
      this.generation = before.generation;
      this.committed = before.committed;
    }

    boolean isDone() {
      return version == 3
          && rig.phase() == SlotPhase.ROLLED_BACK
          && rig.revision() == generation
          && rig.active() == 2;
    }

    void look() {
      boolean over = rig.revision() == generation && rig.phase().isTerminal();
      if (generation == 0) {
        orderNext(1);
      } else if (over && rig.phase() == SlotPhase.COMMITTED && version < 3) {
        committed = version;
        orderNext(version + 1);
      } else if (over && (rig.phase() == SlotPhase.FAILED || rig.phase() == SlotPhase.REJECTED)) {
        orderNext(version);
      }
    }

    private void orderNext(int next) {
      version = next;
      generation++;
      rig.order(factory.order(generation, next));
    }
  }

  /** Runs until all is done or the machine stops; says whether it did. */
  private static boolean stops(UpdateRig rig, Operator operator) {
    boolean stopped = rig.stopsIn(rig::boot);
    for (int i = 0; i < SECONDS_MAX && !stopped && !operator.isDone(); i++) {
      stopped =
          rig.stopsIn(
              () -> {
                operator.look();
                rig.second();
              });
    }
    return stopped;
  }

  /** Starts again after a stop, and runs until all is done. */
  private static void goOn(UpdateRig rig, Operator operator, Loss loss, String where) {
    rig.disk.restart(loss);
    rig.boot();
    checkAfterStart(rig, operator, where);
    rig.connect();
    for (int i = 0; i < SECONDS_MAX && !operator.isDone(); i++) {
      operator.look();
      rig.second();
    }
    checkEnd(rig, operator, where);
  }

  private static void checkEnd(UpdateRig rig, Operator operator, String where) {
    assertThat(operator.isDone())
        .as(
            "%s: ends in %s of revision %d with %d",
            where, rig.phase(), rig.revision(), rig.active())
        .isTrue();
    assertThat(rig.observed()).as(where).isEqualTo(new Generation(1, operator.generation));
    assertThat(rig.applied()).as(where).isEqualTo(rig.observed());
    assertThat(rig.answering()).as(where).isEqualTo(1);
  }

  /** Before there is any network: what was told to be committed, or what came after it, answers. */
  private static void checkAfterStart(UpdateRig rig, Operator operator, String where) {
    assertThat(rig.answering()).as(where).isLessThanOrEqualTo(1);
    if (operator.committed > 0) {
      assertThat(rig.answering()).as(where).isEqualTo(1);
    }
    assertThat(rig.active()).as(where).isBetween(operator.committed, 2L);
    assertThat(rig.observed().counter()).as(where).isLessThanOrEqualTo(operator.generation);
  }

  private static long operations() {
    UpdateRig rig = new UpdateRig(factory);
    Operator operator = new Operator(rig);
    assertThat(stops(rig, operator)).isFalse();
    checkEnd(rig, operator, "without a fault");
    assertThat(rig.events)
        .containsExactly("COMMITTED", "COMMITTED", ErrorCode.PROBATION_FAILED.name());
    return rig.disk.operations();
  }

  @ParameterizedTest
  @EnumSource(Stop.class)
  void survivesAStopAtEveryOperation(Stop stop) {
    long operations = operations();
    for (long at = 1; at <= operations; at++) {
      UpdateRig stopped = new UpdateRig(factory);
      Operator before = new Operator(stopped);
      stopped.disk.stopAt(at, stop);
      assertThat(stops(stopped, before)).isTrue();
      for (Loss loss : List.of(new Loss.Kill(), new Loss.PowerCut(0), new Loss.PowerCut(at))) {
        UpdateRig rig = new UpdateRig(stopped);
        String where = "stop %s operation %d of %d, %s".formatted(stop, at, operations, loss);

        goOn(rig, new Operator(rig, before), loss, where);

        assertThat(rig.events.stream().filter("COMMITTED"::equals).count())
            .as(where)
            .isLessThanOrEqualTo(2);
      }
    }
    assertThat(operations).isGreaterThan(100);
  }

  /** On a disk that cannot be read no agent starts: it waits for one that can. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "UNREADABLE")
  void survivesADiskThatFailsFromEveryOperationOn(Failure failure) {
    long operations = operations();
    for (long from = 1; from <= operations; from++) {
      UpdateRig rig = new UpdateRig(factory);
      Operator operator = new Operator(rig);
      String where = "%s from operation %d of %d".formatted(failure, from, operations);
      rig.disk.failFrom(from, failure);
      rig.boot();
      for (int i = 0; i < 60; i++) {
        operator.look();
        rig.second();
        if (operator.committed > 0) {
          assertThat(rig.answering()).as(where).isEqualTo(1);
        }
      }
      // Also a device that is started on such a disk serves what it committed.
      rig.close();
      rig.boot();
      checkAfterStart(rig, operator, where);
      rig.connect();
      rig.disk.heal();

      for (int i = 0; i < SECONDS_MAX && !operator.isDone(); i++) {
        operator.look();
        rig.second();
      }
      assertThat(operator.isDone())
          .as("%s: ends in %s of %d with %d", where, rig.phase(), rig.revision(), rig.active())
          .isTrue();
    }
  }

  @Test
  void survivesAFlippedBitAnywhere() throws IOException {
    UpdateRig whole = committed();
    for (Path file : whole.disk.everyFile()) {
      long bits = whole.disk.read(file).length * 8L;
      for (long bit : List.of(0L, bits / 3, bits / 2, bits - 1)) {
        String where = "bit %d of %s".formatted(bit, file);
        UpdateRig rig = committed();
        rig.disk.flipBit(file, bit);

        rig.boot();
        long first = rig.active();
        rig.connect();
        rig.seconds(60);

        // The version before takes over until the damaged one is fetched again.
        assertThat(first).as(where).isIn(1L, 2L);
        assertThat(rig.active()).as(where).isEqualTo(2);
        assertThat(rig.phase()).as(where).isEqualTo(SlotPhase.COMMITTED);
        assertThat(rig.observed()).as(where).isEqualTo(new Generation(1, 2));
      }
    }
  }

  private static UpdateRig committed() {
    UpdateRig rig = new UpdateRig(factory);
    rig.boot();
    rig.order(factory.order(1, 1));
    rig.seconds(10);
    rig.order(factory.order(2, 2));
    rig.seconds(10);
    assertThat(rig.phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(rig.active()).isEqualTo(2);
    rig.close();
    return rig;
  }
}
