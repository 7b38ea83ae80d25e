package io.skerry.packager.data;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.artifact.npy.NpyWriter;
import io.skerry.packager.process.JavaProcess;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a process needs of memory that reads more items than it has room for. */
class SamplesMemoryTest {
  private static final int ITEMS = 1000;
  private static final int EACH = 3 * 96 * 96;

  /** The items take 111 MB. */
  private static final String HEAP = "-Xmx32m";

  @TempDir private Path folder;

  /** Reads items, looks at all of them, and takes half of them in batches. */
  static final class Reading {
    private Reading() {}

    public static void main(String[] arguments) {
      TensorSpec input = new TensorSpec("x", ElementType.FP32, List.of(-1L, 3L, 96L, 96L));
      Samples all = DataReader.read(Path.of(arguments[0]), input, ITEMS).samples();
      all.requireNumbers("x");
      all.requireVaried("x", "at all");
      Samples half = all.chosen(IntStream.range(0, ITEMS).filter(i -> i % 2 == 1).toArray());
      for (int item = 0; item < half.count(); item++) {
        ByteBuffer batch = half.batch(item, 1).order(ByteOrder.LITTLE_ENDIAN);
        if (batch.getFloat(4 * (EACH - 1)) != 2 * item + 1 || half.at(item, 0) != 2 * item + 1) {
          throw new IllegalStateException("item %d is another".formatted(item));
        }
      }
    }
  }

  @Test
  void doesNotGrowWithTheCountOfItems() throws Exception {
    Path file = folder.resolve("many.npy");
    ByteBuffer item = ByteBuffer.allocate(4 * EACH).order(ByteOrder.LITTLE_ENDIAN);
    try (NpyWriter writer = NpyWriter.create(file, NpyArray.Type.FLOAT32, ITEMS, 3, 96, 96)) {
      for (int i = 0; i < ITEMS; i++) {
        item.clear();
        for (int k = 0; k < EACH; k++) {
          item.putFloat(i);
        }
        writer.write(item.flip());
      }
    }
    Path said = folder.resolve("said");
    Path own = Files.createDirectories(folder.resolve("own"));

    assertThat(
            JavaProcess.here(Reading.class, own, HEAP)
                .run(
                    Duration.ofMinutes(3),
                    ProcessBuilder.Redirect.to(said.toFile()),
                    file.toString()))
        .as(() -> "reading")
        .hasValue(0);

    assertThat(said).isEmptyFile();
    assertThat(own).isEmptyDirectory();
  }
}
