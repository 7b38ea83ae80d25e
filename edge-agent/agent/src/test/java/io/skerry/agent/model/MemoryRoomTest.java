package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.TinyOnnx;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryRoomTest {
  @TempDir Path folder;
  private Path proc;
  private Path groups;

  @BeforeEach
  void machine() throws IOException {
    proc = Files.createDirectories(folder.resolve("proc"));
    groups = Files.createDirectories(folder.resolve("cgroup"));
    Files.createDirectories(proc.resolve("self"));
    Files.writeString(proc.resolve("meminfo"), "MemTotal: 9 kB\nMemAvailable:   1000 kB\n");
  }

  private void group(String path, String max, String current) throws IOException {
    Path group = Files.createDirectories(groups.resolve(path));
    Files.writeString(group.resolve("memory.max"), max + "\n");
    Files.writeString(group.resolve("memory.current"), current + "\n");
  }

  @Test
  void isWhatTheMachineHasWithoutAGroup() {
    assertThat(MemoryRoom.available(proc, groups)).hasValue(1000 * 1024);
    assertThat(MemoryRoom.available(folder.resolve("none"), groups)).isEmpty();
  }

  @Test
  void isTheLeastOfAllLimitsAbove() throws Exception {
    Files.writeString(proc.resolve("self/cgroup"), "0::/system.slice/agent.service\n");
    group("system.slice", "300000", "100000");
    group("system.slice/agent.service", "max", "50000");

    assertThat(MemoryRoom.available(proc, groups)).hasValue(200_000);

    group("system.slice/agent.service", "90000", "50000");
    assertThat(MemoryRoom.available(proc, groups)).hasValue(40_000);
    Files.writeString(
        groups.resolve("system.slice/agent.service/memory.stat"), "anon 1\ninactive_file 30000\n");
    assertThat(MemoryRoom.available(proc, groups)).hasValue(70_000);
  }

  @Test
  void neverLeavesTheGroupsFolder() throws Exception {
    Files.writeString(proc.resolve("self/cgroup"), "0::/../../outside\n");

    assertThat(MemoryRoom.available(proc, groups)).hasValue(1000 * 1024);
  }

  @Test
  void refusesWhatWouldNotFitWhileItIsLoaded() throws Exception {
    Path model = Files.write(folder.resolve("m.onnx"), new byte[1_000_000]);
    long needed = MemoryRoom.RESERVE_BYTES + 3_000_000;

    assertThatCode(() -> room(needed).reserve(model, 0)).doesNotThrowAnyException();
    assertThatThrownBy(() -> room(needed - 3).reserve(model, 0))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OUT_OF_MEMORY))
        .hasMessageContainingAll("m.onnx", "1000000", "3000000");
    assertThatCode(() -> new MemoryRoom(OptionalLong::empty).reserve(model, 0))
        .doesNotThrowAnyException();
  }

  @Test
  void countsWhatASmallFileAsksFor() throws Exception {
    Path model = Files.write(folder.resolve("m.tflite"), new byte[1_000]);

    assertThatThrownBy(() -> room(MemoryRoom.RESERVE_BYTES + 9_000).reserve(model, 6_001))
        .hasMessageContainingAll("m.tflite", "9001");
    assertThatThrownBy(() -> room(Long.MAX_VALUE).reserve(model, Long.MAX_VALUE))
        .isInstanceOf(EngineException.class);
  }

  @Test
  void letsALoadWaitForOneThatTakesWhatIsFree() throws Exception {
    Path model = Files.write(folder.resolve("m.onnx"), new byte[1_000_000]);
    MemoryRoom room = room(MemoryRoom.RESERVE_BYTES + 5_000_000);
    MemoryRoom.Reserved first = room.reserve(model, 0);

    CompletableFuture<MemoryRoom.Reserved> second = new CompletableFuture<>();
    Thread loading =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  try {
                    second.complete(room.reserve(model, 0));
                  } catch (EngineException e) {
                    second.completeExceptionally(e);
                  }
                });
    while (loading.getState() != Thread.State.WAITING) {
      assertThat(second).as("both would take what only one finds").isNotDone();
      Thread.onSpinWait();
    }
    first.close();

    assertThat(second).succeedsWithin(10, TimeUnit.SECONDS);
    room.reserve(Files.write(folder.resolve("small.onnx"), new byte[10]), 0).close();
  }

  @Test
  void countsTheWeightsBesideAModel() throws Exception {
    Path model = TinyOnnx.scaleOutside(folder.resolve("m.onnx"), 2);
    Files.write(folder.resolve("weights.bin"), new byte[1_000_000]);

    assertThatThrownBy(() -> room(MemoryRoom.RESERVE_BYTES + 3_000_000).reserve(model, 0))
        .hasMessageContaining("with its weights");
    assertThatCode(() -> room(MemoryRoom.RESERVE_BYTES + 3_010_000).reserve(model, 0))
        .doesNotThrowAnyException();
    Files.delete(folder.resolve("weights.bin"));
    assertThatCode(() -> room(MemoryRoom.RESERVE_BYTES + 10_000).reserve(model, 0))
        .as("the engine says what is missing")
        .doesNotThrowAnyException();
  }

  private static MemoryRoom room(long bytes) {
    return new MemoryRoom(() -> OptionalLong.of(bytes));
  }
}
