package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.disk.Disk;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.Role;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class UpdateMemoryFileTest {
  private static final SlotId MAIN = new SlotId("main");

  @TempDir Path folder;
  private Path path;
  private UpdateMemoryFile file;
  private final List<String> told = new ArrayList<>();

  @BeforeEach
  void open() {
    path = folder.resolve("update.json");
    file = new UpdateMemoryFile(Disk.local(), folder);
  }

  private static final Role DIRECTOR =
      new Role(
          List.of(SigningKey.generate().verificationKey(), SigningKey.generate().verificationKey()),
          2);

  private static UpdateMemory memory(long counter, Step step) {
    return new UpdateMemory(
        new Generation(1, counter),
        new Generation(1, 1),
        Optional.of(DIRECTOR),
        Map.of(
            MAIN,
            new SlotState(
                new Generation(1, counter),
                Optional.of(UpdateMachineTest.order(2, 2)),
                step,
                Instant.EPOCH,
                Optional.empty(),
                Optional.of(UpdateMachineTest.order(1, 1)),
                Optional.empty(),
                Optional.empty(),
                0,
                new SlotState.Counts(2, 1, 77, Duration.ofMillis(5)))));
  }

  private UpdateMemory read() {
    return new UpdateMemoryFile(Disk.local(), folder).read(told::add);
  }

  @Test
  void remembersWhatItWrote() throws IOException {
    UpdateMemory memory =
        memory(
            4,
            new Step.RolledBack(new SlotReport.Failure(ErrorCode.PROBATION_FAILED, "one failed")));

    file.write(memory);

    assertThat(read()).isEqualTo(memory);
  }

  @Test
  void knowsNothingBeforeTheFirstWrite() throws IOException {
    assertThat(read()).isEqualTo(UpdateMemory.EMPTY);
  }

  @Test
  void fallsBackToTheStateBeforeWhenTheNewestIsDamaged() throws IOException {
    file.write(memory(4, new Step.Committed()));
    file.write(memory(5, new Step.Committed()));
    byte[] damaged = Files.readAllBytes(path);
    damaged[damaged.length / 2] ^= 1;
    Files.write(path, damaged);

    assertThat(read()).isEqualTo(memory(4, new Step.Committed()));
  }

  @Test
  void survivesACrashBetweenTheTwoMoves() throws IOException {
    file.write(memory(4, new Step.Committed()));
    file.write(memory(5, new Step.Committed()));
    Files.delete(path);

    assertThat(read()).isEqualTo(memory(4, new Step.Committed()));
  }

  @Test
  void stillKnowsWhatIsProvenWhenTheStateIsLost() throws IOException {
    file.write(memory(4, new Step.Committed()));
    file.write(memory(5, new Step.RolledBack(new SlotReport.Failure(ErrorCode.INTERNAL, "why"))));
    Files.write(path, new byte[] {1, 2, 3});
    Files.write(folder.resolve("update.json.before"), new byte[] {1, 2, 3});

    UpdateMemory left = read();

    assertThat(left.slot(MAIN).proven()).contains(UpdateMachineTest.order(1, 1));
    assertThat(left.slot(MAIN).step()).isEqualTo(new Step.Committed());
    assertThat(left.observed()).isEqualTo(new Generation(1, 4));
    assertThat(told).singleElement().asString().contains("damaged", "still known");
  }

  @Test
  void stillKnowsWhatIsProvenWhenTheStateWasDeleted() throws IOException {
    file.write(memory(4, new Step.Committed()));
    Files.delete(path);

    assertThat(read().slot(MAIN).proven()).contains(UpdateMachineTest.order(1, 1));
    assertThat(told).hasSize(1);
  }

  @Test
  void saysSoWhenEverythingIsDamaged() throws IOException {
    file.write(memory(4, new Step.Committed()));
    Files.write(path, new byte[] {1, 2, 3});
    Files.write(folder.resolve("proven.json"), new byte[] {1, 2, 3});

    assertThat(read()).isEqualTo(UpdateMemory.EMPTY);
    assertThat(told).hasSize(2).anyMatch(text -> text.contains("nothing is known"));
  }

  @ParameterizedTest
  @MethodSource("steps")
  void remembersEveryStep(Step step, Step read) throws IOException {
    file.write(memory(4, step));

    assertThat(read().slot(MAIN).step()).isEqualTo(read);
    assertThat(told).isEmpty();
  }

  static Stream<Arguments> steps() {
    SlotReport.Failure failure = new SlotReport.Failure(ErrorCode.INTERNAL, "why");
    Step beginning = new Step.Downloading(1, Optional.empty());
    return Stream.of(
        Arguments.of(new Step.Idle(), new Step.Idle()),
        Arguments.of(new Step.Waiting(failure), new Step.Waiting(failure)),
        Arguments.of(new Step.Downloading(3, Optional.of(Instant.MAX)), beginning),
        Arguments.of(new Step.Verifying(2), beginning),
        Arguments.of(new Step.Staged(), beginning),
        Arguments.of(new Step.Compiling(true), new Step.Compiling(false)),
        Arguments.of(new Step.Ready(true), new Step.Ready(false)),
        Arguments.of(new Step.Proved(), new Step.Proved()),
        Arguments.of(new Step.Activating(true), new Step.Activating(false)),
        Arguments.of(
            new Step.Probation(Instant.MAX, Instant.MAX, true, true),
            new Step.Probation(Instant.EPOCH, Instant.EPOCH, false, false)),
        Arguments.of(new Step.RollingBack(failure, 2), new Step.RollingBack(failure, 1)),
        Arguments.of(new Step.Rejected(failure), new Step.Rejected(failure)),
        Arguments.of(
            new Step.Repairing(new Step.RolledBack(failure), 4, Optional.of(Instant.MAX)),
            new Step.Repairing(new Step.RolledBack(failure), 1, Optional.empty())));
  }
}
