package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.disk.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BootEpochTest {
  @TempDir private Path folder;

  private long next(long seen) throws IOException {
    return BootEpoch.next(Disk.local(), folder, folder.resolve("spool"), seen);
  }

  @Test
  void growsByOneAndNeverBelowWhatTheControlPlaneSaw() throws IOException {
    assertThat(next(0)).isEqualTo(1);
    assertThat(next(0)).isEqualTo(2);
    assertThat(next(41)).isEqualTo(42);
    assertThat(next(41)).isEqualTo(43);
  }

  @Test
  void aDamagedFileDoesNotBringANumberBackThatWasUsed() throws IOException {
    next(0);
    next(0);
    Files.writeString(folder.resolve("boot-epoch"), "damaged");

    assertThat(next(0)).isEqualTo(3);
  }

  @Test
  void aLostCountGoesOnFarAboveWhatIsKnown() throws IOException {
    next(0);
    Files.writeString(folder.resolve("boot-epoch"), "damaged");
    Files.writeString(folder.resolve("boot-epoch.before"), "damaged");

    assertThat(next(7)).isEqualTo(8 + BootEpoch.SKIPPED_WHEN_LOST);
    assertThat(next(7)).isEqualTo(9 + BootEpoch.SKIPPED_WHEN_LOST);
  }
}
