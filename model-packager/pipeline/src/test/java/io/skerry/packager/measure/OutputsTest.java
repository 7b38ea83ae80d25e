package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.process.JavaProcess;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputsTest {
  @TempDir private Path folder;

  /** Says 118 MB about its items. */
  static final class Saying {
    private static final int ITEMS = 100;

    private Saying() {}

    public static void main(String[] arguments) throws Exception {
      Path file = Path.of(arguments[0]);
      Graph graph =
          new Nets(1, "x", Shape.BATCH, 1, 96, 96).conv(32, Activation.NONE, 3, 3).graph("y");
      Files.write(file, OnnxExport.write(graph));
      Samples items = Nets.randomItems(graph, ITEMS);
      Bench bench = new Bench();
      try (LoadedModel model = bench.load(Engine.ONNXRUNTIME, file)) {
        Outputs outputs = bench.outputs(model, items, "y");
        Outputs last = outputs.chosen(ITEMS - 1, 0);
        boolean right =
            outputs.items() == ITEMS
                && outputs.firstNotFinite() < 0
                && outputs.largestDifference(outputs) == 0
                && last.at(0, 5) == outputs.at(ITEMS - 1, 5)
                && last.at(1, 5) == outputs.at(0, 5)
                && last.at(0, 5) != last.at(1, 5);
        // Native threads of the engine may outlast main.
        System.exit(right ? 0 : 1);
      }
    }
  }

  @Test
  void areNotBoundByTheHeap() throws Exception {
    Path told = folder.resolve("told");

    assertThat(
            JavaProcess.here(Saying.class, folder, "-Xmx80m")
                .run(
                    Duration.ofMinutes(2),
                    ProcessBuilder.Redirect.to(told.toFile()),
                    folder.resolve("model.onnx").toString()))
        .as(() -> "saying")
        .hasValue(0);
  }

  @Test
  void haveNoNoiseWhereBothAreWithoutEnd() {
    float up = Float.POSITIVE_INFINITY;
    float down = Float.NEGATIVE_INFINITY;
    Outputs reference = Outputs.of(4, up, down, Float.NaN, 10);

    assertThat(reference.signalToNoise(reference)).isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(Outputs.of(4, up, down, Float.NaN, 11).signalToNoise(reference)).isEqualTo(20);
    assertThat(Outputs.of(4, down, down, Float.NaN, 10).signalToNoise(reference)).isNaN();
    assertThat(Outputs.of(4, up, 0, Float.NaN, 10).signalToNoise(reference)).isNaN();
    assertThat(Outputs.of(4, up, down, 0, 10).signalToNoise(reference)).isNaN();
    assertThat(Outputs.of(4, up, down, Float.NaN, up).signalToNoise(reference)).isNegative();
  }

  @Test
  void sayTheSameOutsideTheHeap() {
    int perItem = 3;
    int items = (int) (Numbers.HEAP_BYTES_MAX / Float.BYTES / perItem) + 1;
    MemorySegment numbers = Numbers.of((long) items * perItem);
    for (int i = 0; i < items * perItem; i++) {
      numbers.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 1000);
    }
    Outputs mapped = new Outputs(numbers, List.of(perItem));
    Outputs heap = Outputs.of(perItem, mapped.values());

    assertThat(numbers.heapBase()).isEmpty();
    assertThat(mapped.items()).isEqualTo(items).isEqualTo(heap.items());
    assertThat(mapped.largestDifference(heap)).isZero();
    assertThat(mapped.signalToNoise(heap)).isInfinite();
    assertThat(mapped.largestMagnitude()).isEqualTo(999);
    assertThat(mapped.prediction(items - 1)).isEqualTo(heap.prediction(items - 1));
  }
}
