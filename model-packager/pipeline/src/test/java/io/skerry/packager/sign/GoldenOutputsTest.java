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
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GoldenOutputsTest {
  private static final int ITEMS = 100;
  private static final Said INTEGERS = new Said("y", ElementType.INT8, 0, input -> 0);

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

    assertThat(golden.tolerance("y").absolute()).isBetween(0.05 * 0.97 * 3, 0.05 * 3);
    assertThat(golden.tolerance("y").relative()).isZero();
  }

  /** Pixels of a box carry more noise than fits a probability, and a small one passed as 0. */
  @Test
  void holdsFloatsOfAFloatFileToTheirOwnRange() throws Exception {
    GoldenSet large = golden(List.of(floats("box", 640), floats("p", 1)), Precision.FP32);

    assertThat(large.tolerance("box").absolute()).isBetween(1e-4 * 0.97 * 640, 1e-4 * 640);
    assertThat(large.tolerance("p").absolute()).isBetween(1e-4 * 0.97, 1e-4);
    assertThat(large.tolerance()).isEqualTo(large.tolerance("box"));
    GoldenSet small = golden(List.of(floats("y", 1e-5f)), Precision.FP32);
    assertThat(small.cases())
        .anySatisfy(each -> assertThat(fits(small, each, saying("y", 0))).isFalse());
    GoldenSet none = golden(List.of(floats("y", 0)), Precision.FP32);
    assertThat(passes(none, saying("y", 9e-5f))).isTrue();
  }

  /** Of numbers of classes or boxes one more is another answer, if not a wrong one. */
  @Test
  void letsWholeNumbersOfAFloatFileDifferByOne() throws Exception {
    for (Precision precision : List.of(Precision.FP32, Precision.INT8_WEIGHTS)) {
      GoldenSet golden = golden(List.of(wholes(input -> 0)), precision);

      assertThat(passes(golden, wholes(1))).isTrue();
      assertThat(passes(golden, wholes(2))).isFalse();
    }
  }

  /** A near tie between two classes falls the other way by other kernels, to any other class. */
  @Test
  void expectsClassesOfACoarseFileWhereTheyAreNoNearTie() throws Exception {
    Said classes = wholes(input -> 97 * (long) (10 * input));
    for (Precision precision : List.of(Precision.INT8, Precision.FP16)) {
      GoldenSet golden = golden(List.of(classes, floats("p", 1)), precision);

      assertThat(golden.cases()).hasSize(8);
      for (GoldenCase each : golden.cases()) {
        float input = each.inputs().getFirst().data().getFloat(0);
        assertThat((int) (10 * 0.985f * input)).isEqualTo((int) (10 * 1.015f * input));
        assertThat(each.outputs()).hasSize(2);
        assertThat(fits(golden, each, wholes(classes.whole().applyAsLong(input) + 90))).isFalse();
      }
      assertThat(golden.tolerance("n").absolute()).isBetween(40.0, 50.0);
      assertThat(golden.tolerance("p").absolute()).isLessThanOrEqualTo(0.05);
    }
  }

  /** Few classes are held to one more or less: a share of a step would be none. */
  @Test
  void letsFewClassesOfACoarseFileDifferByOne() throws Exception {
    for (Precision precision : List.of(Precision.INT8, Precision.FP16)) {
      GoldenSet golden = golden(List.of(wholes(input -> 0), floats("p", 1)), precision);

      assertThat(passes(golden, wholes(1))).isTrue();
      assertThat(passes(golden, wholes(2))).isFalse();
    }
  }

  @Test
  void expectsNoNumbersWhereTheyTurn() throws Exception {
    GoldenSet golden =
        golden(
            List.of(wholes(input -> input < 0.11 ? 7 : anything(input)), floats("p", 1)),
            Precision.INT8);

    assertThat(golden.cases()).hasSize(8);
    assertThat(golden.tolerance("n").absolute()).isLessThanOrEqualTo(50);
    for (GoldenCase each : golden.cases()) {
      boolean steady = each.inputs().getFirst().data().getFloat(0) < 0.11;
      assertThat(each.outputs()).hasSize(steady ? 2 : 1);
      assertThat(each.outputs().getLast().name()).isEqualTo("p");
      assertThat(fits(golden, each, wholes(500))).isEqualTo(!steady);
    }
    assertThat(golden.cases().getFirst().outputs()).hasSize(2);
    GoldenSet alone =
        golden(List.of(wholes(input -> input < 0.11 ? 7 : anything(input))), Precision.INT8);
    assertThat(alone.cases()).hasSizeBetween(1, 7).allMatch(each -> !each.outputs().isEmpty());
  }

  @Test
  void holdsNumbersThatTurnOnEveryItemToTheirRange() throws Exception {
    GoldenSet golden =
        golden(List.of(wholes(GoldenOutputsTest::anything), floats("p", 1)), Precision.INT8);

    assertThat(golden.cases()).hasSize(8).allMatch(each -> each.outputs().size() == 2);
    assertThat(golden.tolerance("n").absolute()).isBetween(900.0, 1000.0);
    assertThat(passes(golden, wholes(5000))).isFalse();
  }

  /** What made it turn is what another device may say. */
  @Test
  void holdsNumbersThatTurnOnEveryItemToWhatTheyTurnedTo() throws Exception {
    GoldenSet golden =
        golden(
            List.of(wholes(input -> isGiven(input) ? 3 : anything(input)), floats("p", 1)),
            Precision.INT8);

    assertThat(golden.tolerance("n").absolute()).isBetween(900.0, 1000.0);
  }

  private static boolean isGiven(float input) {
    return input == Math.round(input * ITEMS) / (float) ITEMS;
  }

  /** A quotient whose divisor is 0 here and a step elsewhere. */
  @Test
  void expectsNoNumbersWithoutEnd() throws Exception {
    for (Precision precision : List.of(Precision.INT8, Precision.FP32)) {
      for (float end : new float[] {Float.POSITIVE_INFINITY, Float.NaN}) {
        GoldenSet golden = golden(List.of(floats("q", end), floats("p", 1)), precision);

        assertThat(golden.cases())
            .hasSize(8)
            .allSatisfy(
                each ->
                    assertThat(each.outputs()).singleElement().matches(p -> p.name().equals("p")));
      }
    }
  }

  /** Also where the only other output is one that turns. */
  @Test
  void expectsNoNumbersWithoutEndBesideThoseThatTurn() throws Exception {
    GoldenSet golden =
        golden(
            List.of(
                wholes(input -> input < 0.11 ? 7 : anything(input)),
                floats("q", Float.POSITIVE_INFINITY)),
            Precision.INT8);

    assertThat(golden.cases())
        .isNotEmpty()
        .allSatisfy(
            each -> assertThat(each.outputs()).singleElement().matches(n -> n.name().equals("n")));
  }

  /** The thousandth of what a quotient says is more than any probability. */
  @Test
  void holdsProbabilitiesBesideAnythingToTheirRange() throws Exception {
    GoldenSet golden = golden(List.of(floats("q", 5e4f), floats("p", 1)), Precision.INT8);

    assertThat(golden.tolerance("p").absolute()).isLessThanOrEqualTo(0.05);
  }

  /** Of a near tie all the time. */
  private static long anything(float input) {
    return new Random(Float.floatToIntBits(input) * 0x9E3779B9L).nextInt(1000);
  }

  /** Kernels of some accelerators multiply shorter floats: they are off by a thousandth. */
  @Test
  void letsSmallFloatsDifferByAThousandthOfTheirRange() throws Exception {
    GoldenSet golden = golden(List.of(floats("y", 0.01f)), Precision.FP32);

    assertThat(golden.tolerance("y").absolute()).isBetween(0.97e-5, 1e-5);
    assertThat(golden.cases())
        .anySatisfy(each -> assertThat(fits(golden, each, saying("y", 0))).isFalse());
  }

  /** A probability passed whatever it was beside steps of 255. */
  @Test
  void holdsFloatsBesideIntegersToTheirOwnRange() throws Exception {
    for (Precision precision : Precision.values()) {
      GoldenSet golden = golden(List.of(floats("p", 1), INTEGERS), precision);
      boolean steps = precision == Precision.INT8;

      assertThat(golden.cases())
          .as("%s", precision)
          .anySatisfy(each -> assertThat(fits(golden, each, saying("p", 0))).isFalse());
      assertThat(passes(golden, integers(steps ? 12 : 1))).as("%s", precision).isTrue();
      assertThat(passes(golden, integers(steps ? 13 : 4))).as("%s", precision).isFalse();
    }
  }

  @Test
  void holdsScoresBesideBoxesToTheirOwnRange() throws Exception {
    GoldenSet golden = golden(List.of(floats("box", 640), floats("score", 1)), Precision.INT8);

    assertThat(golden.tolerance("box").absolute()).isBetween(0.05 * 0.97 * 640, 0.05 * 640);
    assertThat(golden.tolerance("score").absolute()).isBetween(0.05 * 0.97, 0.05);
  }

  /** What none of the items showed may show in steps on another device. */
  @Test
  void letsAnOutputThatSaysNothingDifferByLittle() throws Exception {
    GoldenSet golden = golden(List.of(floats("box", 640), floats("score", 0)), Precision.INT8);

    assertThat(passes(golden, saying("score", 0.01f))).isTrue();
    assertThat(passes(golden, saying("score", 0.1f))).isFalse();
  }

  /** One wide enough for all, which agents hold to that know of no other. */
  @Test
  void keepsOneToleranceOfAllOutputs() throws Exception {
    GoldenSet golden = golden(List.of(floats("p", 1), INTEGERS), Precision.INT8);

    assertThat(golden.tolerance().absolute()).isEqualTo(0.05 * 255);
    assertThat(golden(List.of(INTEGERS), Precision.INT8).own()).isEmpty();
    assertThat(golden(List.of(floats("p", 1)), Precision.INT8).own()).isEmpty();
  }

  private static boolean passes(GoldenSet golden, Tensor output) {
    return fits(golden, golden.cases().getFirst(), output);
  }

  private static boolean fits(GoldenSet golden, GoldenCase each, Tensor output) {
    return each.difference(
            output.name(),
            output.type(),
            output.shape(),
            output.data(),
            golden.tolerance(output.name()))
        .isEmpty();
  }

  private static Tensor integers(int value) {
    return new Tensor(
        "y", ElementType.INT8, List.of(1L, 1L), ByteBuffer.allocateDirect(1).put(0, (byte) value));
  }

  private static Tensor wholes(long value) {
    ByteBuffer data = ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    return new Tensor("n", ElementType.INT64, List.of(1L, 1L), data.putLong(0, value));
  }

  private static Tensor saying(String name, float value) {
    return Tensor.ofFloats(name, List.of(1L, 1L), value);
  }

  private static GoldenSet golden(ElementType output, float largest, Precision precision)
      throws Exception {
    return golden(List.of(output == ElementType.FP32 ? floats("y", largest) : INTEGERS), precision);
  }

  private static GoldenSet golden(List<Said> outputs, Precision precision) throws Exception {
    float[] values = new float[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      values[i] = (i + 1f) / ITEMS;
    }
    Samples inputs = Samples.of("inputs", NpyArray.ofFloats(values, ITEMS, 1), 1);
    try (LoadedModel model = new Echo(outputs)) {
      return GoldenOutputs.of(model, inputs, precision);
    }
  }

  private static Said floats(String name, float factor) {
    return new Said(name, ElementType.FP32, factor, input -> 0);
  }

  private static Said wholes(Whole whole) {
    return new Said("n", ElementType.INT64, 0, whole);
  }

  @FunctionalInterface
  private interface Whole {
    long applyAsLong(float input);
  }

  /** An output: its input, up to 1, times a factor; or always 0, of integers; or a whole number. */
  private record Said(String name, ElementType type, float factor, Whole whole) {
    Tensor of(float input) {
      return switch (type) {
        case FP32 -> saying(name, factor * input);
        case INT64 -> wholes(whole.applyAsLong(input));
        default -> integers(0);
      };
    }
  }

  private record Echo(List<Said> outputs) implements LoadedModel {
    @Override
    public String engine() {
      return "echo";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(
          List.of(new TensorSpec("x", ElementType.FP32, List.of(-1L, 1L))),
          outputs.stream()
              .map(output -> new TensorSpec(output.name(), output.type(), List.of(-1L, 1L)))
              .toList());
    }

    @Override
    public List<String> providers() {
      return List.of();
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) {
      float input = inputs.getFirst().floats()[0];
      return outputs.stream().map(output -> output.of(input)).toList();
    }

    @Override
    public void close() {}
  }
}
