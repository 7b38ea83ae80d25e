package io.skerry.packager.sign;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Samples;
import io.skerry.profile.Precision;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class GoldenOutputsTest {
  private static final int ITEMS = 100;

  @Test
  void letsIntegersDifferByStepsOfTheirRange() throws Exception {
    GoldenSet golden = golden(ElementType.INT8, 1, Precision.INT8);

    assertThat(passes(golden, integers(12))).isTrue();
    assertThat(passes(golden, integers(13))).isFalse();
  }

  @Test
  void letsIntegersOfAFloatFileDifferByOneStep() throws Exception {
    GoldenSet golden = golden(ElementType.INT8, 1, Precision.FP32);

    assertThat(passes(golden, integers(1))).isTrue();
    assertThat(passes(golden, integers(2))).isFalse();
  }

  @Test
  void holdsSmallFloatsToTheirOwnRange() throws Exception {
    for (Precision precision : List.of(Precision.INT8, Precision.FP16)) {
      GoldenSet golden = golden(ElementType.FP32, 0.01f, precision);

      Tensor zero = Tensor.ofFloats("y", List.of(1L, 1L), 0);
      assertThat(golden.cases()).hasSize(8);
      assertThat(golden.cases()).anySatisfy(each -> assertThat(fits(golden, each, zero)).isFalse());
    }
  }

  @Test
  void letsFloatsDifferByShareOfTheLargestOfItemsThatAreNotKept() throws Exception {
    // Of 100 items every twelfth or so is kept; the largest, the last, is not.
    GoldenSet golden = golden(ElementType.FP32, 3, Precision.INT8);

    assertThat(golden.tolerance().absolute()).isBetween(0.05 * 0.97 * 3, 0.05 * 3);
    assertThat(golden.tolerance().relative()).isZero();
  }

  private static boolean passes(GoldenSet golden, Tensor output) {
    return fits(golden, golden.cases().getFirst(), output);
  }

  private static boolean fits(GoldenSet golden, GoldenCase each, Tensor output) {
    return each.difference(
            output.name(), output.type(), output.shape(), output.data(), golden.tolerance())
        .isEmpty();
  }

  private static Tensor integers(int value) {
    return new Tensor(
        "y", ElementType.INT8, List.of(1L, 1L), ByteBuffer.allocateDirect(1).put(0, (byte) value));
  }

  /** Of a model that says its input, from 0 to the largest, of floats; or always 0, of integers. */
  private static GoldenSet golden(ElementType output, float largest, Precision precision)
      throws Exception {
    float[] values = new float[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      values[i] = largest * i / (ITEMS - 1);
    }
    Samples inputs = Samples.of("inputs", NpyArray.ofFloats(values, ITEMS, 1), 1);
    try (LoadedModel model = new Echo(output)) {
      return GoldenOutputs.of(model, inputs, precision);
    }
  }

  private record Echo(ElementType type) implements LoadedModel {
    @Override
    public String engine() {
      return "echo";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(
          List.of(new TensorSpec("x", ElementType.FP32, List.of(-1L, 1L))),
          List.of(new TensorSpec("y", type, List.of(-1L, 1L))));
    }

    @Override
    public List<String> providers() {
      return List.of();
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) {
      return type == ElementType.FP32
          ? List.of(Tensor.ofFloats("y", List.of(1L, 1L), inputs.getFirst().floats()))
          : List.of(integers(0));
    }

    @Override
    public void close() {}
  }
}
