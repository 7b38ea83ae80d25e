package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.disk.Disk;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
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

  private BootEpoch begin() throws IOException {
    return BootEpoch.begin(Disk.local(), folder, folder.resolve("spool"), 0);
  }

  @Test
  void neverKeepsANumberThatAnotherAgentUsedMeanwhile() throws IOException {
    next(0);
    BootEpoch one = begin();
    BootEpoch other = begin();
    other.keep();

    assertThatThrownBy(one::keep)
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll("boot epoch 2 was used by another agent", "restart this agent");
    assertThatThrownBy(one::keep).isInstanceOf(IOException.class);
    other.keep();
    assertThat(next(0)).isEqualTo(3);
  }

  @Test
  void triesAgainWithANumberThatMayBeOnDiskAlready() throws IOException {
    BootEpoch epoch = BootEpoch.begin(wornOnce(), folder, folder.resolve("spool"), 0);
    assertThatThrownBy(epoch::keep).hasMessageContainingAll("worn out", "make its disk writable");
    assertThat(folder.resolve("boot-epoch")).content().endsWith("1");

    epoch.keep();

    assertThat(next(0)).isEqualTo(2);
  }

  /** The machine's disk, which refuses the second file of all that are put in place. */
  private static Disk wornOnce() {
    AtomicInteger moves = new AtomicInteger();
    return (Disk)
        Proxy.newProxyInstance(
            Disk.class.getClassLoader(),
            new Class<?>[] {Disk.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("move") && moves.incrementAndGet() == 2) {
                throw new IOException("worn out");
              }
              return method.invoke(Disk.local(), arguments);
            });
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
