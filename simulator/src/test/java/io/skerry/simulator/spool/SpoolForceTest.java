package io.skerry.simulator.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.skerry.agent.uplink.Spool;
import io.skerry.agent.uplink.SpoolSeal;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.simulator.disk.Failure;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.MemoryDisk;
import io.skerry.telemetry.wire.TelemetryRecords;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** A system that failed to force once calls what it did not write clean. */
class SpoolForceTest {
  private static final Path DATA = Path.of("/device");
  private static final Path FOLDER = DATA.resolve("spool");

  private final MemoryDisk disk = new MemoryDisk();

  private Spool open(long epoch) throws IOException {
    disk.createFolders(DATA);
    SpoolSeal seal = SpoolSeal.of(disk, DATA, new TenantId("default"), new SplittableRandom(epoch));
    return Spool.open(disk, FOLDER, seal, epoch, 1 << 20);
  }

  private static void append(Spool spool, String detail) {
    assertThat(
            spool.append(
                RecordStream.EVENTS,
                TelemetryRecords.event(Instant.EPOCH, "TEST", detail, Map.of())))
        .isTrue();
  }

  @Test
  void whatItCallsSafeSurvivesAPowerCutAfterAForceThatFailed() throws IOException {
    Spool spool = open(1);
    append(spool, "first");
    spool.flush();
    append(spool, "second");
    disk.failFrom(disk.operations() + 1, Failure.SHORT_WRITE);
    assertThatIOException().isThrownBy(spool::flush);
    disk.heal();
    spool.flush();
    disk.restart(new Loss.PowerCut(0));

    Spool after = open(2);

    assertThat(after.waiting()).containsEntry(RecordStream.EVENTS, 2L);
    assertThat(after.damaged().getOrDefault(RecordStream.EVENTS, 0L)).isZero();
  }
}
