package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NumbersTest {
  private static final long BYTES = Numbers.HEAP_BYTES_MAX + Float.BYTES;

  @TempDir private Path folder;

  @Test
  void takesRoomOnTheDiskBeforeItIsFilled() throws Exception {
    Path file = Files.createFile(folder.resolve("outputs.raw"));

    MemorySegment numbers = Numbers.mapped(file, BYTES);

    assertThat(numbers.byteSize()).isEqualTo(BYTES);
    assertThat(numbers.getAtIndex(ValueLayout.JAVA_FLOAT, BYTES / Float.BYTES - 1)).isZero();
    // In units of 512 bytes, as a file with holes has none.
    assertThat((long) blocks(file) * 512).isGreaterThanOrEqualTo(Numbers.HEAP_BYTES_MAX);
  }

  @Test
  void namesFileSizeAndRemedyWhereTheDiskIsFull() {
    // A device of Linux that has no room for anything.
    Path full = Path.of("/dev/full");
    assumeThat(full).exists();

    assertThatThrownBy(() -> Numbers.mapped(full, BYTES))
        .isInstanceOf(OutputsTooLargeException.class)
        .hasMessageContainingAll(
            "4 MiB", "/dev/full", "No space left", "free disk space there", "fewer items");
  }

  @Test
  void refusesMoreThanAFileMayHold() {
    assertThatThrownBy(() -> Numbers.of(Numbers.FILE_BYTES_MAX / Float.BYTES + 1))
        .isInstanceOf(OutputsTooLargeException.class)
        .hasMessageContainingAll("16384 MiB", "the limit is", "fewer items");
  }

  private static int blocks(Path file) throws Exception {
    Process stat = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
    return Integer.parseInt(
        new String(stat.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip());
  }
}
