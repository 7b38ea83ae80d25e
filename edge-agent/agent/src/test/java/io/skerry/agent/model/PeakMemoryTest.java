package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeakMemoryTest {
  @TempDir private Path folder;
  private Path status;
  private PeakMemory memory;

  @BeforeEach
  void begin() throws IOException {
    status = folder.resolve("status");
    memory = PeakMemory.of(status, folder.resolve("clear_refs"));
    tells(100, 100);
  }

  private void tells(int peak, int now) throws IOException {
    Files.writeString(status, "VmHWM: %d kB\nVmRSS: %d kB\n".formatted(peak, now));
  }

  @Test
  void isThePeakAboveWhatThereWasBefore() throws IOException {
    PeakMemory.Since since = memory.begin();
    tells(130, 110);

    assertThat(since.grown()).hasValue(30 * 1024);
    assertThat(folder.resolve("clear_refs")).hasContent("5");
  }

  @Test
  void isNotHiddenByWhatWasGivenBackMeanwhile() throws IOException {
    PeakMemory.Since since = memory.begin();
    tells(130, 60);

    assertThat(since.grown()).hasValue(70 * 1024);
  }

  @Test
  void isUnknownWhereNothingIsTold() throws IOException {
    Files.delete(status);

    assertThat(memory.begin().grown()).isEmpty();
    assertThat(PeakMemory.of(status, folder.resolve("none/clear_refs")).begin().grown()).isEmpty();
  }
}
