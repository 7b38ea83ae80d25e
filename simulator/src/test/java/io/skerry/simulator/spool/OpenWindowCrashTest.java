package io.skerry.simulator.spool;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.disk.Failure;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.MachineStopped;
import io.skerry.simulator.disk.MemoryDisk;
import io.skerry.simulator.disk.Stop;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every prediction is counted once, wherever the machine stops, but for the last second's. */
@Execution(ExecutionMode.CONCURRENT)
@Tag("slow")
class OpenWindowCrashTest {
  private static final int VERSIONS = 2;

  /** Counts over the ends of windows, sends some of them, stops and starts. */
  private static void live(OpenWindowRun run) throws IOException {
    run.boot(VERSIONS);
    seconds(run, 6);
    run.sendAndCommit();
    seconds(run, 3);
    run.stop();
    run.boot(VERSIONS);
    seconds(run, 2);
    run.sendAndCommit();
    seconds(run, 3);
  }

  private static void seconds(OpenWindowRun run, int seconds) {
    for (int i = 0; i < seconds; i++) {
      run.second();
    }
  }

  /** What waits or stands open reaches the control plane. */
  private static void settle(OpenWindowRun run) {
    run.rest(OpenWindowRun.WINDOW.multipliedBy(2));
    for (int i = 0; i < 4; i++) {
      run.sendAndCommit();
    }
  }

  static Stream<Loss> losses() {
    return Stream.of(
        new Loss.Kill(), new Loss.PowerCut(0), new Loss.PowerCut(1), new Loss.PowerCut(2));
  }

  @Test
  void countsEveryPredictionOnceWithoutFaults() throws IOException {
    OpenWindowRun run = new OpenWindowRun(new MemoryDisk());
    live(run);
    settle(run);

    assertThat(run.counted()).isEqualTo(run.asked());
  }

  @ParameterizedTest
  @MethodSource("losses")
  void losesTheLastSecondAtMostWhereverTheMachineStops(Loss loss) throws IOException {
    MemoryDisk whole = new MemoryDisk();
    live(new OpenWindowRun(whole));
    for (long operation = 1; operation <= whole.operations(); operation++) {
      for (Stop stop : Stop.values()) {
        stopAndGoOn(loss, operation, stop);
      }
    }
  }

  private static void stopAndGoOn(Loss loss, long operation, Stop stop) throws IOException {
    MemoryDisk disk = new MemoryDisk();
    OpenWindowRun run = new OpenWindowRun(disk);
    disk.stopAt(operation, stop);
    try {
      live(run);
    } catch (MachineStopped e) {
      assertThat(disk.isStopped()).isTrue();
    }
    disk.restart(loss);
    int lost = run.asked() - run.safe();

    run.boot(VERSIONS);
    seconds(run, 1);
    settle(run);

    assertThat(run.counted())
        .as("%s %s operation %d", loss, stop, operation)
        .isBetween((long) run.asked() - lost, (long) run.asked());
  }

  @ParameterizedTest
  @MethodSource("losses")
  void stopsAgainWhileItGoesOn(Loss loss) throws IOException {
    for (long first = 12; first <= 60; first += 12) {
      for (long operation = 1; operation <= 40; operation++) {
        MemoryDisk disk = new MemoryDisk();
        OpenWindowRun run = new OpenWindowRun(disk);
        int lost = stopped(run, disk, first, () -> live(run));
        disk.restart(loss);
        lost +=
            stopped(
                run,
                disk,
                disk.operations() + operation,
                () -> {
                  run.boot(VERSIONS);
                  seconds(run, 6);
                });
        disk.restart(loss);
        run.boot(VERSIONS);
        settle(run);

        assertThat(run.counted())
            .as("%s operation %d, then %d", loss, first, operation)
            .isBetween((long) run.asked() - lost, (long) run.asked());
      }
    }
  }

  private interface Life {
    void live() throws IOException;
  }

  // Predictions that may be lost.
  private static int stopped(OpenWindowRun run, MemoryDisk disk, long operation, Life life)
      throws IOException {
    disk.stopAt(operation, Stop.INSIDE);
    int before = run.asked();
    try {
      life.live();
    } catch (MachineStopped e) {
      return Math.min(run.asked() - before, run.asked() - run.safe());
    }
    return 0;
  }

  @Test
  void closesTheWindowOfAVersionThatRunsNoMore() throws IOException {
    MemoryDisk disk = new MemoryDisk();
    OpenWindowRun run = new OpenWindowRun(disk);
    run.boot(VERSIONS);
    seconds(run, 3);
    disk.restart(new Loss.Kill());

    run.boot(1);
    settle(run);

    assertThat(run.counted()).isEqualTo(run.asked());
  }

  @ParameterizedTest
  @EnumSource(Failure.class)
  void aDiskThatTakesNothingCostsOnlyTheCheckpoint(Failure failure) throws IOException {
    MemoryDisk disk = new MemoryDisk();
    OpenWindowRun run = new OpenWindowRun(disk);
    run.boot(VERSIONS);
    seconds(run, 2);
    disk.failFrom(disk.operations() + 1, failure);
    run.second();
    disk.heal();
    settle(run);

    assertThat(run.counted()).isEqualTo(run.asked());
  }

  @Test
  void aDamagedCheckpointCountsAsTheOneBefore() throws IOException {
    for (long bit = 0; bit < 8 * 40; bit += 7) {
      MemoryDisk disk = new MemoryDisk();
      OpenWindowRun run = new OpenWindowRun(disk);
      run.boot(VERSIONS);
      seconds(run, 3);
      for (Path file : disk.everyFile()) {
        if (String.valueOf(file.getFileName()).equals("open-windows-0")) {
          disk.flipBit(file, bit);
        }
      }
      disk.restart(new Loss.Kill());
      run.boot(VERSIONS);
      settle(run);

      assertThat(run.counted())
          .as("bit %d", bit)
          .isBetween((long) run.asked() - VERSIONS, (long) run.asked());
    }
  }
}
