package io.skerry.simulator.spool;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.RecordStream;
import io.skerry.simulator.disk.Failure;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.MachineStopped;
import io.skerry.simulator.disk.MemoryDisk;
import io.skerry.simulator.disk.Stop;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every operation that a scripted life of a spool does on its disk, the machine stopped or the disk
 * failing at each of them.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("slow")
class SpoolCrashTest {
  private static final List<RecordStream> STREAMS =
      List.of(RecordStream.SAMPLES, RecordStream.WINDOWS, RecordStream.EVENTS);

  /** Appends, rolls, forces, drops, sends, frees and restarts. */
  private static void live(SpoolRun run) throws IOException {
    run.boot();
    offer(run, RecordStream.EVENTS, 3);
    offer(run, RecordStream.SAMPLES, 20);
    run.flush();
    offer(run, RecordStream.WINDOWS, 6);
    offer(run, RecordStream.SAMPLES, 14);
    run.flush();
    run.spool().close();
    run.boot();
    offer(run, RecordStream.SAMPLES, 8);
    run.sendAndCommit();
    offer(run, RecordStream.WINDOWS, 12);
    run.flush();
    offer(run, RecordStream.EVENTS, 30);
    run.flush();
    offer(run, RecordStream.SAMPLES, 2);
    run.sendAndCommit();
    run.flush();
    run.spool().close();
    run.boot();
    offer(run, RecordStream.EVENTS, 4);
    run.flush();
  }

  private static void offer(SpoolRun run, RecordStream stream, int records) {
    for (int i = 0; i < records; i++) {
      run.offer(stream);
    }
  }

  private static long operations() throws IOException {
    MemoryDisk disk = new MemoryDisk();
    SpoolRun run = new SpoolRun(disk);
    live(run);
    assertThat(run.dropped(RecordStream.SAMPLES)).isPositive();
    return disk.operations();
  }

  static Stream<Loss> losses() {
    return Stream.concat(
        Stream.of(new Loss.Kill(), new Loss.PowerCut(0)),
        Stream.of(1, 2, 3, 4, 5).map(seed -> new Loss.PowerCut(seed)));
  }

  @Test
  void losesNothingAndCountsDropsExactlyWithoutFaults() throws IOException {
    SpoolRun run = new SpoolRun(new MemoryDisk());
    live(run);
    run.drain();

    for (RecordStream stream : STREAMS) {
      assertAccounted(run, stream, 0, "");
      assertThat(run.damaged(stream)).isZero();
    }
  }

  @ParameterizedTest
  @MethodSource("losses")
  void staysExactWhereverTheMachineStops(Loss loss) throws IOException {
    long operations = operations();
    for (long operation = 1; operation <= operations; operation++) {
      for (Stop stop : Stop.values()) {
        stopAndGoOn(loss, operation, stop);
      }
    }
  }

  private static void stopAndGoOn(Loss loss, long operation, Stop stop) throws IOException {
    MemoryDisk disk = new MemoryDisk();
    SpoolRun run = new SpoolRun(disk);
    disk.stopAt(operation, stop);
    try {
      live(run);
    } catch (MachineStopped e) {
      assertThat(disk.isStopped()).isTrue();
    }
    disk.restart(loss);
    if (loss instanceof Loss.PowerCut) {
      run.losePower();
    }

    // First of all what waits, or a drop would count what the control plane has already.
    run.boot();
    run.drain();
    offer(run, RecordStream.EVENTS, 1);
    run.flush();
    run.drain();

    String where = "%s %s operation %d".formatted(loss, stop, operation);
    for (RecordStream stream : STREAMS) {
      long lost = assertAtMostOnce(run, stream, run.kept(stream), where);
      // What is counted as dropped was kept and is not stored, but for what was stored before.
      assertThat(lost)
          .as("lost %s %s", stream, where)
          .isLessThanOrEqualTo(run.dropped(stream) + run.gaps(stream).size());
      if (loss instanceof Loss.Kill) {
        assertAccounted(run, stream, 1, where);
        assertThat(run.damaged(stream)).as(where).isZero();
      }
    }
    run.boot();
    for (RecordStream stream : STREAMS) {
      assertThat(run.spool().waiting().getOrDefault(stream, 0L)).as(where).isZero();
    }
    assertThat(run.stored(RecordStream.EVENTS)).as(where).isNotEmpty();
  }

  /** Safe records that were not stored. */
  private static long assertAtMostOnce(
      SpoolRun run, RecordStream stream, Set<String> safe, String where) {
    assertThat(safe).as(where).noneMatch(run.gaps(stream)::contains);
    Set<String> lost = new HashSet<>(safe);
    lost.removeAll(run.stored(stream));
    return lost.size();
  }

  /**
   * Stored and dropped make up what was kept.
   *
   * @param unsure records that may be stored or counted although their append did not return
   */
  private static void assertAccounted(
      SpoolRun run, RecordStream stream, long unsure, String where) {
    long lost = lost(run, stream) + run.refused(stream);
    assertThat(run.dropped(stream))
        .as("dropped of %s %s", stream, where)
        .isBetween(lost - unsure, lost + unsure);
  }

  /** Records that were kept and are not stored. */
  private static long lost(SpoolRun run, RecordStream stream) {
    Set<String> lost = new HashSet<>(run.kept(stream));
    lost.removeAll(run.stored(stream));
    return lost.size();
  }

  @Test
  void aFlippedBitCostsOneRecordAndIsCountedOnce() throws IOException {
    MemoryDisk sample = new MemoryDisk();
    Path segment = smallSegment(sample);
    long bytes = sample.read(segment).length;
    for (long at = 0; at < bytes; at++) {
      MemoryDisk disk = new MemoryDisk();
      SpoolRun run = small(disk);
      disk.flipBit(segment, at * 8 + at % 8);
      run.boot();
      run.boot();
      run.drain();

      assertThat(run.damaged(RecordStream.EVENTS)).as("byte %d", at).isEqualTo(1);
      assertThat(run.stored(RecordStream.EVENTS)).as("byte %d", at).hasSize(4);
      assertThat(run.gaps(RecordStream.EVENTS)).as("byte %d", at).hasSize(1);
      assertThat(run.dropped(RecordStream.EVENTS)).isZero();
    }
  }

  /** The control plane never hears of a gap that the device has forgotten after a power cut. */
  @Test
  void remembersDamageBeforeItIsTold() throws IOException {
    MemoryDisk disk = new MemoryDisk();
    SpoolRun run = small(disk);
    disk.failFrom(disk.operations(), Failure.UNREADABLE);
    run.sendAndCommit();
    assertThat(run.gaps(RecordStream.EVENTS)).hasSize(5);

    disk.heal();
    disk.restart(new Loss.PowerCut(1));
    run.boot();

    assertThat(run.damaged(RecordStream.EVENTS)).isEqualTo(5);
  }

  /** What cannot be counted for good is not told: the records behind it wait. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "UNREADABLE")
  void tellsNoDamageWhileADiskTakesNoCount(Failure failure) throws IOException {
    Path segment = smallSegment(new MemoryDisk());
    for (long seed = 0; seed < 20; seed++) {
      MemoryDisk disk = new MemoryDisk();
      SpoolRun run = small(disk);
      disk.flipBit(segment, 800);
      disk.failFrom(disk.operations(), failure);
      run.sendAndCommit();
      disk.restart(new Loss.PowerCut(seed));
      disk.heal();
      run.boot();
      run.drain();

      assertThat(run.gaps(RecordStream.EVENTS)).hasSize(1);
      assertThat(run.damaged(RecordStream.EVENTS)).as("power cut %d", seed).isEqualTo(1);
      assertThat(run.stored(RecordStream.EVENTS)).hasSize(4);
    }
  }

  private static SpoolRun small(MemoryDisk disk) throws IOException {
    SpoolRun run = new SpoolRun(disk);
    run.boot();
    offer(run, RecordStream.EVENTS, 5);
    run.flush();
    return run;
  }

  private static Path smallSegment(MemoryDisk disk) throws IOException {
    small(disk);
    return disk.list(SpoolDevice.SPOOL.resolve("events")).getFirst();
  }

  @Test
  void aFlippedBitInTheAccountChangesNothing() throws IOException {
    Path account = SpoolDevice.SPOOL.resolve("account");
    for (long at = 0; at < 600; at++) {
      for (long copy = 0; copy < 2; copy++) {
        MemoryDisk disk = new MemoryDisk();
        SpoolRun run = new SpoolRun(disk);
        run.boot();
        offer(run, RecordStream.SAMPLES, 50);
        run.flush();
        long dropped = run.dropped(RecordStream.SAMPLES);
        disk.flipBit(account, (copy * 48 * 1024 + at) * 8 + 1);
        run.boot();

        assertThat(dropped).isPositive();
        assertThat(run.dropped(RecordStream.SAMPLES)).isEqualTo(dropped);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Failure.class)
  void countsWhatItCannotWriteAndGoesOnWhenTheDiskIsWellAgain(Failure failure) throws IOException {
    long operations = operations();
    for (long operation = 1; operation <= operations; operation++) {
      MemoryDisk disk = new MemoryDisk();
      SpoolRun run = new SpoolRun(disk);
      disk.failFrom(operation, failure);
      liveAnyhow(run);
      disk.heal();
      offer(run, RecordStream.EVENTS, 1);
      run.flush();
      run.drain();

      String where = "%s from operation %d".formatted(failure, operation);
      assertThat(run.stored(RecordStream.EVENTS)).as(where).isNotEmpty();
      for (RecordStream stream : STREAMS) {
        if (failure == Failure.UNREADABLE) {
          assertThat(run.dropped(stream) + run.damaged(stream))
              .as(where)
              .isEqualTo(lost(run, stream) + run.refused(stream));
        } else {
          assertAccounted(run, stream, 0, where);
          assertThat(run.damaged(stream)).as(where).isZero();
        }
      }
      run.boot();
      assertThat(run.spool().waiting().values()).as(where).allMatch(count -> count == 0);
    }
  }

  // Forcing may fail; everything else has to go on.
  private static void liveAnyhow(SpoolRun run) throws IOException {
    run.boot();
    for (int round = 0; round < 3; round++) {
      offer(run, RecordStream.EVENTS, 3);
      offer(run, RecordStream.SAMPLES, 18);
      offer(run, RecordStream.WINDOWS, 6);
      try {
        run.flush();
      } catch (IOException e) {
        assertThat(e).isNotNull();
      }
      run.sendAndCommit();
    }
  }
}
