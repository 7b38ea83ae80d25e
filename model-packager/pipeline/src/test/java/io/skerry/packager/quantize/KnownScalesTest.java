package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class KnownScalesTest {
  private static final Scheme PER_TENSOR_SATURATING =
      new Scheme(IntegerType.UINT8, false, true, true);

  private static final float[] WEIGHTS = {1, 1, 1, 1, 1, 0, -1, 0};

  /** Two outputs of which only one can saturate: both are written with one scale. */
  @Test
  void giveATensorOneScaleWhereOneOutputIsReduced() {
    Graph graph = Nets.dense(WEIGHTS, 4);
    String weights = graph.nodes().getFirst().inputs().get(1);
    TensorScale activation = new TensorScale(IntegerType.INT8, 0.1f, 0);
    KnownScales known =
        new KnownScales(
            Map.of("x", activation, "y", activation), Map.of(weights, new float[] {1f / 127}));

    QuantizedLayer layer =
        known.quantized(graph, PER_TENSOR_SATURATING).layers().values().iterator().next();

    assertThat(layer.scales()).containsOnly(layer.scales()[0]);
    assertThat(layer.scales()[0]).isGreaterThan(1f / 127);
    for (int i = 0; i < WEIGHTS.length; i++) {
      float real = layer.weights()[i] * layer.scales()[0];
      assertThat(real).isCloseTo(WEIGHTS[i], Offset.offset(.02f));
    }
  }

  /** The integers say the same reals: only where zero is among them differs. */
  @Test
  void keepTheStepsOfActivationsInOtherIntegers() {
    Graph graph = Nets.dense(WEIGHTS, 4);
    KnownScales known = known(graph, new TensorScale(IntegerType.INT8, 0.1f, -20));

    TensorScale signed = known.quantized(graph, Scheme.SIGNED).scale("x");
    TensorScale unsigned = known.quantized(graph, Scheme.UNSIGNED).scale("x");
    TensorScale symmetric = known.quantized(graph, Scheme.SYMMETRIC).scale("x");

    assertThat(signed).isEqualTo(new TensorScale(IntegerType.INT8, 0.1f, -20));
    assertThat(unsigned).isEqualTo(new TensorScale(IntegerType.UINT8, 0.1f, 108));
    assertThat(symmetric.zeroPoint()).isZero();
    assertThat(symmetric.real(symmetric.type().maximum())).isCloseTo(14.7f, Offset.offset(.01f));
  }

  @Test
  void giveEachOutputTheStepsThatItsWeightsCameWith() {
    Graph graph = Nets.dense(WEIGHTS, 4);
    String weights = graph.nodes().getFirst().inputs().get(1);
    TensorScale activation = new TensorScale(IntegerType.INT8, 0.1f, 0);
    Map<String, TensorScale> tensors = Map.of("x", activation, "y", activation);

    for (float[] scales : new float[][] {{0.25f}, {0.5f, 0.125f}}) {
      QuantizedLayer layer =
          new KnownScales(tensors, Map.of(weights, scales))
              .quantized(graph, Scheme.SIGNED)
              .layer(graph.nodes().getFirst())
              .orElseThrow();

      float second = scales[scales.length - 1];
      assertThat(layer.scales()).containsExactly(scales[0], second);
      assertThat(layer.weights()[0]).isEqualTo((byte) Math.round(1 / scales[0]));
      assertThat(layer.weights()[6]).isEqualTo((byte) Math.round(-1 / second));
      assertThat(layer.biasScales()).containsExactly(0.1f * scales[0], 0.1f * second);
    }
  }

  @Test
  void leaveFloatWhatHasNone() {
    Graph graph = Nets.dense(WEIGHTS, 4);
    String weights = graph.nodes().getFirst().inputs().get(1);
    TensorScale activation = new TensorScale(IntegerType.INT8, 0.1f, 0);
    Map<String, TensorScale> tensors = Map.of("x", activation, "y", activation);
    Map<String, float[]> layers = Map.of(weights, new float[] {0.25f});

    assertThat(new KnownScales(tensors, layers).quantized(graph, Scheme.SIGNED).quantized())
        .hasSize(1);
    for (KnownScales unknown :
        new KnownScales[] {
          new KnownScales(tensors, Map.of()),
          new KnownScales(tensors, Map.of(weights, new float[] {1, 2, 3})),
          new KnownScales(Map.of("x", activation), layers),
          new KnownScales(Map.of("y", activation), layers),
        }) {
      assertThat(unknown.quantized(graph, Scheme.SIGNED).quantized()).isEmpty();
    }
  }

  /** What they pass on has the scale of what they read, which files may not repeat. */
  @Test
  void followOperatorsThatPassElementsOn() {
    Nets net = new Nets(1, "x", Shape.BATCH, 4, 6, 6);
    Graph graph = net.halved().flatten().add(new Op.Sigmoid()).graph("y");
    TensorScale activation = new TensorScale(IntegerType.INT8, 0.1f, 3);

    QuantizedGraph quantized =
        new KnownScales(Map.of("x", activation), Map.of()).quantized(graph, Scheme.SIGNED);

    assertThat(graph.nodes()).hasSize(3);
    for (Node node : graph.nodes().subList(0, 2)) {
      assertThat(quantized.isQuantized(node)).isTrue();
      assertThat(quantized.scale(node.output())).isEqualTo(activation);
    }
    assertThat(quantized.isQuantized(graph.nodes().getLast())).as("the final score").isFalse();
  }

  /** A file names a scale behind what only moves elements, which a rewrite may move itself. */
  @Test
  void followOperatorsThatMoveElementsBackwards() {
    Nets net = new Nets(1, "x", Shape.BATCH, 4, 6, 6);
    Graph graph =
        net.add(new Op.Activate(Activation.RELU6))
            .add(new Op.Transpose(List.of(0, 2, 3, 1)))
            .flatten()
            .graph("y");
    TensorScale read = new TensorScale(IntegerType.INT8, 0.1f, 3);
    TensorScale made = new TensorScale(IntegerType.INT8, 6f / 255, -128);

    QuantizedGraph quantized =
        new KnownScales(Map.of("x", read, "y", made), Map.of()).quantized(graph, Scheme.SIGNED);

    assertThat(graph.nodes()).allMatch(quantized::isQuantized);
    assertThat(quantized.scale(graph.nodes().getFirst().output())).isEqualTo(made);
  }

  /** A quantizer leaves a clip out that the ends of its integers are. */
  @Test
  void cutFloatsOffWhereTheIntegersEnd() {
    Graph graph = Nets.dense(WEIGHTS, 4);
    KnownScales known = known(graph, new TensorScale(IntegerType.INT8, 0.1f, -128));

    Graph floats = known.floats(graph);

    assertThat(floats.outputs()).isEqualTo(graph.outputs());
    assertThat(floats.nodes()).hasSize(2);
    Node bound = floats.nodes().getLast();
    assertThat(bound.output()).isEqualTo("y");
    assertThat(bound.input()).isEqualTo(floats.nodes().getFirst().output());
    assertThat(bound.op()).isInstanceOf(Op.Clip.class);
    Op.Clip clip = (Op.Clip) bound.op();
    assertThat(clip.minimum()).isZero();
    assertThat(clip.maximum()).isCloseTo(25.5f, Offset.offset(.001f));
  }

  /** A mean lies between what it is of, which its own integers may not say. */
  @Test
  void cutMeansOffWhereTheirIntegersSayLess() {
    Graph graph = new Nets(1, "x", Shape.BATCH, 4, 6, 6).add(new Op.GlobalAveragePool()).graph("y");
    TensorScale read = new TensorScale(IntegerType.INT8, 0.1f, 3);

    Graph same = new KnownScales(Map.of("x", read, "y", read), Map.of()).floats(graph);
    Graph bounded =
        new KnownScales(
                Map.of("x", read, "y", new TensorScale(IntegerType.INT8, 0.05f, -128)), Map.of())
            .floats(graph);

    assertThat(same.nodes()).isEqualTo(graph.nodes());
    assertThat(bounded.nodes()).hasSize(2);
    assertThat(bounded.nodes().getLast().op()).isEqualTo(new Op.Clip(0, 12.75f));
  }

  /** What nobody reads as integers is written as reals, which have no ends. */
  @Test
  void cutOffTheRealsOfALayerThatNobodyReadsAsIntegers() {
    Graph graph = Nets.dense(WEIGHTS, 4);
    KnownScales known = known(graph, new TensorScale(IntegerType.INT8, 0.1f, -128));

    QuantizedGraph quantized = known.quantized(graph, Scheme.UNSIGNED);

    assertThat(quantized.quantized()).containsExactly(graph.nodes().getFirst().name());
    assertThat(quantized.graph().nodes())
        .extracting(node -> node.op().getClass().getSimpleName())
        .containsExactly("Dense", "Clip");
  }

  /** Making integers of floats cuts them off already. */
  @Test
  void leaveOutAClipOfFloatsThatOnlyBecomeIntegersOfTheSameEnds() {
    Nets net = new Nets(1, "x", Shape.BATCH, 4);
    TensorScale clipped = new TensorScale(IntegerType.INT8, 2f / 255, -128);
    Graph graph =
        net.add(new Op.Clip(0, 2))
            .add(new Op.Function(Op.Function.Kind.LEAKY_RELU, 0.5f))
            .add(new Op.Function(Op.Function.Kind.TANH, 0))
            .graph("y");
    String between = graph.nodes().getFirst().output();
    Map<String, TensorScale> tensors =
        Map.of(between, clipped, graph.nodes().get(1).output(), clipped, "y", clipped);

    QuantizedGraph quantized = new KnownScales(tensors, Map.of()).quantized(graph, Scheme.UNSIGNED);

    assertThat(quantized.graph().nodes()).hasSize(2);
    assertThat(quantized.graph().nodes().getFirst().input()).isEqualTo("x");
    assertThat(quantized.scale("x")).isEqualTo(quantized.scale(between));
    Map<String, TensorScale> wider = new HashMap<>(tensors);
    wider.put(between, new TensorScale(IntegerType.INT8, 1, 0));
    assertThat(new KnownScales(wider, Map.of()).quantized(graph, Scheme.UNSIGNED).graph().nodes())
        .as("integers that reach further")
        .hasSize(3);
  }

  /** Zero is in the middle of symmetric integers, which cut off nothing there. */
  @Test
  void giveARelUBackToSymmetricIntegers() {
    Graph graph = Nets.dense(WEIGHTS, 4);
    KnownScales positive = known(graph, new TensorScale(IntegerType.INT8, 0.1f, -128));
    KnownScales both = known(graph, new TensorScale(IntegerType.INT8, 0.1f, -20));

    assertThat(positive.quantized(graph, Scheme.SYMMETRIC).graph().nodes().getFirst().activation())
        .isEqualTo(Activation.RELU);
    assertThat(both.quantized(graph, Scheme.SYMMETRIC).graph().nodes().getFirst().activation())
        .isEqualTo(Activation.NONE);
  }

  private static KnownScales known(Graph graph, TensorScale activation) {
    return new KnownScales(
        Map.of("x", activation, "y", activation),
        Map.of(graph.nodes().getFirst().inputs().get(1), new float[] {1f / 127}));
  }
}
