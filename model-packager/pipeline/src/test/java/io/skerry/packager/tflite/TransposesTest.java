package io.skerry.packager.tflite;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.graph.OnnxSketch;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Delegation;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.ModelT;

/**
 * Networks as exporters write them, channels first, need no more transposes in the format, whose
 * channels lie last, than their ends: an input that is a feature map is turned once, and an output
 * that is one once. What else moves channels among places is named where it does.
 */
class TransposesTest {
  private static final Shape IMAGE = Shape.of(Shape.BATCH, 3, 8, 8);

  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @Test
  void aClassifierTurnsItsInput() throws Exception {
    assertTransposes(1, classifier(new OnnxSketch(IMAGE)));
  }

  @Test
  void anInputWhoseChannelsLieLastIsNotTurned() throws Exception {
    OnnxSketch net = new OnnxSketch(Shape.of(Shape.BATCH, 8, 8, 3));
    assertTransposes(0, classifier(net.node("Transpose").longs("perm", 0, 3, 1, 2)));
  }

  @Test
  void aPictureInAndOutIsTurnedTwice() throws Exception {
    OnnxSketch net = new OnnxSketch(IMAGE).conv(8, 3).node("Relu").conv(3, 3);
    assertTransposes(2, net);
  }

  @Test
  void sharesOfChannelsAreTakenWhereTheyLieLast() throws Exception {
    OnnxSketch net = new OnnxSketch(IMAGE).conv(8, 3).node("Relu").conv(4, 1);
    assertTransposes(2, net.node("Softmax").integer("axis", 1));
    OnnxSketch within = new OnnxSketch(IMAGE).conv(8, 3).node("Relu").conv(8, 1);
    within.node("Softmax").integer("axis", 1).conv(2, 1).node("GlobalAveragePool");
    assertTransposes(1, within.node("Flatten"));
  }

  @Test
  void constantsPerChannelLieLast() throws Exception {
    OnnxSketch net = new OnnxSketch(IMAGE).conv(8, 3).node("Sigmoid");
    net.node("Mul", net.reals(1, 8, 1, 1)).node("Add", net.reals(8, 1, 1)).node("Tanh");
    net.node("Sub", net.reals(1, 8, 1, 1)).node("Mul", net.reals(1)).node("GlobalAveragePool");
    assertTransposes(1, net.node("Flatten").dense(4));
  }

  @Test
  void marginsPartsAndSizesAreTakenWhereTheyLie() throws Exception {
    OnnxSketch net = new OnnxSketch(IMAGE).conv(8, 3).node("Relu");
    net.node("Pad", net.longs(0, 0, 1, 1, 0, 0, 1, 1)).conv(8, 3);
    String wide = net.last();
    net.node("Resize", "", net.scales(1, 1, 2, 2)).text("mode", "nearest");
    net.text("coordinate_transformation_mode", "asymmetric").text("nearest_mode", "floor");
    net.node("MaxPool").longs("kernel_shape", 2, 2).longs("strides", 2, 2);
    net.node("Concat", wide).integer("axis", 1);
    net.node("Slice", net.longs(2), net.longs(14), net.longs(1)).conv(4, 1);
    net.node("AveragePool").longs("kernel_shape", 2, 2).longs("strides", 2, 2);
    assertTransposes(1, net.node("Flatten").dense(5).node("Softmax").integer("axis", 1));
  }

  @Test
  void whatHasOnePlaceIsSqueezedWhereItLies() throws Exception {
    OnnxSketch net = new OnnxSketch(IMAGE).conv(8, 3).node("Relu").node("GlobalAveragePool");
    net.node("Squeeze", net.longs(2, 3)).dense(8).node("Relu");
    net.node("Unsqueeze", net.longs(2, 3)).conv(6, 1).node("Reshape", net.longs(0, -1));
    assertTransposes(1, net.dense(3));
  }

  @Test
  void channelsWeighedByTheirMeansStayLast() throws Exception {
    OnnxSketch net = new OnnxSketch(IMAGE).conv(8, 3).node("Relu");
    String map = net.last();
    net.node("ReduceMean").longs("axes", 2, 3).integer("keepdims", 0);
    net.dense(4).node("Relu").dense(8).node("Sigmoid").node("Reshape", net.longs(0, 8, 1, 1));
    net.node("Mul", map).conv(4, 3).node("GlobalAveragePool").node("Flatten");
    assertTransposes(1, net.dense(3));
  }

  @Test
  void signalsAreMapsOfOneRow() throws Exception {
    OnnxSketch net = new OnnxSketch(Shape.of(Shape.BATCH, 6, 20));
    net.node("Sub", net.reals(1, 6, 1)).conv(8, 3).node("Relu");
    net.node("MaxPool").longs("kernel_shape", 2).longs("strides", 2).conv(8, 3).node("Relu");
    assertTransposes(1, net.node("Flatten").dense(4));
  }

  /** One more, of the channels alone. */
  @Test
  void shufflingChannelsTurnsTheirGroups() throws Exception {
    OnnxSketch net = new OnnxSketch(IMAGE).conv(8, 3).node("Relu");
    net.node("Reshape", net.longs(0, 2, 4, 8, 8)).node("Transpose").longs("perm", 0, 2, 1, 3, 4);
    net.node("Reshape", net.longs(0, 8, 8, 8)).conv(4, 1).node("GlobalAveragePool");
    assertTransposes(2, net.node("Flatten"));
    OnnxSketch flat = new OnnxSketch(Shape.of(Shape.BATCH, 6, 9)).conv(6, 3).node("Relu");
    flat.node("Reshape", flat.longs(0, 3, 2, 9)).node("Transpose").longs("perm", 0, 2, 1, 3);
    assertTransposes(3, flat.node("Reshape", flat.longs(0, 6, 9)));
  }

  /** Convolutions, normalised, with a residual, a pool, branches, and a dense layer. */
  private static OnnxSketch classifier(OnnxSketch net) {
    net.conv(8, 3).normalised().node("Relu");
    String before = net.last();
    net.conv(8, 3).normalised().node("Relu").conv(8, 3).normalised().node("Add", before);
    net.node("Relu").node("MaxPool").longs("kernel_shape", 2, 2).longs("strides", 2, 2);
    String pooled = net.last();
    net.conv(4, 1).node("Relu");
    net.node("Concat", pooled).integer("axis", 1).conv(6, 3).node("Clip", "", net.number(6));
    return net.node("Flatten").dense(5).node("Softmax").integer("axis", -1);
  }

  private void assertTransposes(int expected, OnnxSketch net) throws Exception {
    byte[] model = net.model();
    Graph graph = OnnxImport.read(model);
    Samples items = Nets.randomItems(graph, 16);
    Outputs said = outputs(Engine.ONNXRUNTIME, model, items);
    Observations seen = Calibrator.observe(graph, items);
    byte[] floats = TfliteExport.write(graph);
    byte[] integers =
        TfliteExport.write(
            Nets.quantized(graph, seen, Scheme.SIGNED, Options.of(Clipping.MIN_MAX)));

    assertThat(outputs(Engine.TFLITE, floats, items).largestDifference(said))
        .isLessThan(1e-4 * Math.max(1, said.largestMagnitude()));
    assertThat(outputs(Engine.TFLITE, integers, items).signalToNoise(said)).isGreaterThan(20);
    for (byte[] content : List.of(floats, integers)) {
      Path file = Files.write(folder.resolve("delegated.tflite"), content);
      assertThat(Delegation.undelegated(file)).isEmpty();
      ModelT written = ModelT.deserializeFromBinary(content);
      assertThat(Arrays.stream(written.getSubgraphs()[0].getOperators()))
          .map(o -> written.getOperatorCodes()[Math.toIntExact(o.getOpcodeIndex())])
          .map(code -> BuiltinOperator.name(code.getBuiltinCode()))
          .filteredOn("TRANSPOSE"::equals)
          .hasSize(expected);
    }
  }

  private Outputs outputs(Engine engine, byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model." + engine), content);
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
