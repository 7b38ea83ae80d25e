package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.Test;

/**
 * ONNX's own operator tests, read, written again and run: each says what ONNX says, or is refused
 * with its reason. Their later inputs are what a model keeps as weights, and are stored as such.
 */
class OnnxOperatorTestsTest {
  private static final Path DATA =
      Path.of("../../../shared/data/onnx-node-tests/node-subset.tar.gz");
  private static final int RIGHT_MIN = 77;
  private static final long OPERATOR_SET_MAX = 21;
  private static final double RELATIVE = 1e-3;
  private static final double ABSOLUTE = 1e-6;

  private final OrtEnvironment environment =
      OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");

  @Test
  void readsEveryOperatorAsOnnxSaysOrRefusesIt() throws Exception {
    assumeThat(DATA).as("no ONNX node tests beside the checkout").isRegularFile();
    List<String> right = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    Map<String, String> refused = new TreeMap<>();
    for (Map.Entry<String, Map<String, byte[]>> test : tests().entrySet()) {
      ModelProto model = withWeights(test.getValue());
      try {
        Graph graph = OnnxImport.read(model.toByteArray());
        boolean same = computes(graph, test.getValue());
        (same ? right : wrong).add(test.getKey());
      } catch (ModelRefusedException e) {
        refused.put(test.getKey(), e.getMessage());
      }
    }

    assertThat(wrong).isEmpty();
    assertThat(right).hasSizeGreaterThanOrEqualTo(RIGHT_MIN);
    assertThat(refused.values())
        .allSatisfy(
            reason ->
                assertThat(reason)
                    .matches(
                        "node '.+' \\(\\w+\\): .+"
                            + "|(input|constant|operand) '.*' (has|of|is) .+"
                            + "|(IR version|operator set) is .+"
                            + "|the model has \\d+ inputs, .+|the model names no operator set.+"));
  }

  /**
   * Every input but the first becomes a constant. Later operator sets only gave these operators
   * more types, and are told as the last one that is read.
   */
  private static ModelProto withWeights(Map<String, byte[]> files) throws IOException {
    ModelProto model = ModelProto.parseFrom(files.get("model.onnx"));
    GraphProto.Builder graph = model.getGraph().toBuilder();
    List<ValueInfoProto> inputs = graph.getInputList();
    for (int i = 1; i < inputs.size(); i++) {
      byte[] content = files.get("input_%d.pb".formatted(i));
      if (content != null) {
        graph.addInitializer(
            TensorProto.parseFrom(content).toBuilder().setName(inputs.get(i).getName()));
      }
    }
    ModelProto.Builder read = model.toBuilder().setGraph(graph);
    read.setIrVersion(Math.min(model.getIrVersion(), 10));
    read.getOpsetImportBuilderList()
        .forEach(set -> set.setVersion(Math.min(set.getVersion(), OPERATOR_SET_MAX)));
    return read.build();
  }

  private boolean computes(Graph graph, Map<String, byte[]> files) throws Exception {
    TensorProto given = TensorProto.parseFrom(files.get("input_0.pb"));
    TensorProto wanted = TensorProto.parseFrom(files.get("output_0.pb"));
    long[] shape = given.getDimsList().stream().mapToLong(Long::longValue).toArray();
    try (OrtSession session = environment.createSession(OnnxExport.write(graph));
        OnnxTensor input =
            OnnxTensor.createTensor(environment, FloatBuffer.wrap(floats(given)), shape);
        OrtSession.Result result = session.run(Map.of(graph.input(), input))) {
      OnnxTensor output = (OnnxTensor) result.get(0);
      float[] expected = floats(wanted);
      FloatBuffer got = output.getFloatBuffer();
      boolean same =
          got.remaining() == expected.length
              && wanted.getDimsList().stream()
                  .mapToLong(Long::longValue)
                  .boxed()
                  .toList()
                  .equals(Arrays.stream(output.getInfo().getShape()).boxed().toList());
      for (int i = 0; same && i < expected.length; i++) {
        same =
            Math.abs((double) got.get(i) - expected[i])
                <= ABSOLUTE + RELATIVE * Math.abs(expected[i]);
      }
      return same;
    }
  }

  private static float[] floats(TensorProto tensor) {
    float[] values = new float[tensor.getFloatDataCount()];
    if (!tensor.hasRawData()) {
      for (int i = 0; i < values.length; i++) {
        values[i] = tensor.getFloatData(i);
      }
      return values;
    }
    ByteBuffer raw = tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    values = new float[raw.remaining() / Float.BYTES];
    raw.asFloatBuffer().get(values);
    return values;
  }

  /** Files of every test by their name, by the test's name. */
  private static Map<String, Map<String, byte[]>> tests() throws IOException {
    Map<String, Map<String, byte[]>> tests = new TreeMap<>();
    try (InputStream packed = new GZIPInputStream(Files.newInputStream(DATA));
        TarArchiveInputStream archive = new TarArchiveInputStream(packed)) {
      for (TarArchiveEntry entry = archive.getNextEntry();
          entry != null;
          entry = archive.getNextEntry()) {
        if (entry.isFile()) {
          Path path = Path.of(entry.getName());
          int up = path.endsWith("model.onnx") ? 2 : 3;
          tests
              .computeIfAbsent(
                  path.getName(path.getNameCount() - up).toString(), first -> new TreeMap<>())
              .put(path.getFileName().toString(), archive.readAllBytes());
        }
      }
    }
    return tests;
  }
}
