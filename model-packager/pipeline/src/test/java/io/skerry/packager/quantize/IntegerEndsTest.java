package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IntegerEndsTest {
  private static final int ITEMS = 16;
  private static final TensorScale INPUT = new TensorScale(IntegerType.INT8, 0.02f, -7);
  private static final TensorScale OUTPUT = new TensorScale(IntegerType.INT8, 1f / 256, -128);

  @TempDir private Path folder;

  @Test
  void sayInIntegersWhatTheModelSaysOfTheirReals() throws Exception {
    Graph graph = Nets.imageNet(2);
    int each = graph.shape(graph.input()).elementsPerItem();
    byte[] integers = new byte[ITEMS * each];
    new Random(1).nextBytes(integers);
    float[] reals = new float[integers.length];
    for (int i = 0; i < reals.length; i++) {
      reals[i] = INPUT.real(integers[i]);
    }

    for (byte[] floats : new byte[][] {OnnxExport.write(graph), OnnxExport.writeHalf(graph)}) {
      String output = graph.outputs().getFirst();
      byte[] around = IntegerEnds.around(floats, Map.of(graph.input(), INPUT, output, OUTPUT));

      Outputs there = outputs(floats, NpyArray.ofFloats(reals, ITEMS, each), ElementType.FP32);
      Outputs here = outputs(around, NpyArray.ofBytes(integers, ITEMS, each), ElementType.INT8);
      for (int item = 0; item < ITEMS; item++) {
        for (int i = 0; i < here.perItem(); i++) {
          assertThat(here.at(item, i))
              .isCloseTo((float) OUTPUT.quantized(there.at(item, i)), within(1f));
        }
      }
    }
  }

  @Test
  void areOfInt8Only() {
    Graph graph = Nets.imageNet(2);
    TensorScale unsigned = new TensorScale(IntegerType.UINT8, 1, 0);

    assertThatThrownBy(
            () -> IntegerEnds.around(OnnxExport.write(graph), Map.of(graph.input(), unsigned)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no int8 scale");
  }

  private Outputs outputs(byte[] content, NpyArray values, ElementType type) throws Exception {
    Path file = Files.write(folder.resolve("model.onnx"), content);
    Samples items = Samples.of("items", values, values.length() / ITEMS);
    try (LoadedModel model = new Bench().load(Engine.ONNXRUNTIME, file)) {
      assertThat(model.signature().inputs().getFirst().type()).isEqualTo(type);
      return new Bench().outputs(model, items, model.signature().outputs().getFirst().name());
    }
  }
}
