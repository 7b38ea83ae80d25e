package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.disk.Disk;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UpdateMemoryFileTest {
  private static final SlotId MAIN = new SlotId("main");

  @TempDir Path folder;
  private Path path;
  private UpdateMemoryFile file;

  @BeforeEach
  void open() {
    path = folder.resolve("update.json");
    file = new UpdateMemoryFile(Disk.local(), path);
  }

  private static UpdateMemory memory(long counter, Step step) {
    return new UpdateMemory(
        new Generation(1, counter),
        new Generation(1, 1),
        Map.of(
            MAIN,
            new SlotState(
                new Generation(1, counter),
                Optional.of(UpdateMachineTest.order(2, 2)),
                step,
                Optional.empty(),
                Optional.of(UpdateMachineTest.order(1, 1)),
                Optional.empty(),
                Optional.empty(),
                2,
                0)));
  }

  @Test
  void remembersWhatItWrote() throws IOException {
    UpdateMemory memory =
        memory(
            4,
            new Step.RolledBack(new SlotReport.Failure(ErrorCode.PROBATION_FAILED, "one failed")));

    file.write(memory);

    assertThat(file.read()).isEqualTo(memory);
  }

  @Test
  void knowsNothingBeforeTheFirstWrite() throws IOException {
    assertThat(file.read()).isEqualTo(UpdateMemory.EMPTY);
  }

  @Test
  void fallsBackToTheStateBeforeWhenTheNewestIsDamaged() throws IOException {
    file.write(memory(4, new Step.Committed()));
    file.write(memory(5, new Step.Committed()));
    byte[] damaged = Files.readAllBytes(path);
    damaged[damaged.length / 2] ^= 1;
    Files.write(path, damaged);

    assertThat(file.read()).isEqualTo(memory(4, new Step.Committed()));
  }

  @Test
  void survivesACrashBetweenTheTwoMoves() throws IOException {
    file.write(memory(4, new Step.Committed()));
    file.write(memory(5, new Step.Committed()));
    Files.delete(path);

    assertThat(file.read()).isEqualTo(memory(4, new Step.Committed()));
  }

  @Test
  void saysSoWhenEverythingIsDamaged() throws IOException {
    file.write(memory(4, new Step.Committed()));
    Files.write(path, new byte[] {1, 2, 3});

    assertThatThrownBy(file::read).isInstanceOf(IOException.class).hasMessageContaining("damaged");
  }
}
