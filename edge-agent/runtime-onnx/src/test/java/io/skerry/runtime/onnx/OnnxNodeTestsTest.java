package io.skerry.runtime.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import io.skerry.wire.onnx.TensorProto;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ONNX's own operator tests; skipped where their data does not lie beside the checkout. */
class OnnxNodeTestsTest {
  private static final Path DATA =
      Path.of("../../../shared/data/onnx-node-tests/node-subset.tar.gz");

  // What ONNX's own runner allows.
  private static final double RELATIVE = 1e-3;
  private static final double ABSOLUTE = 1e-7;

  @TempDir private Path folder;
  private final OnnxEngine engine = new OnnxEngine();

  @Test
  void computesEveryOperatorAsOnnxSaysOrRefusesItWithAReason() throws Exception {
    assumeThat(DATA).as("no ONNX node tests beside the checkout").isRegularFile();
    List<String> right = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    Map<String, EngineException> refused = new TreeMap<>();

    for (Map.Entry<String, Map<String, byte[]>> test : tests().entrySet()) {
      String name = test.getKey();
      Path file = Files.write(folder.resolve(name + ".onnx"), test.getValue().get("model.onnx"));
      try (LoadedModel model = engine.load(file, LoadOptions.DEFAULTS)) {
        List<String> differences = differences(model, test.getValue());
        (differences.isEmpty() ? right : wrong).add(name + differences);
      } catch (EngineException e) {
        refused.put(name, e);
      }
    }

    assertThat(wrong).isEmpty();
    assertThat(right).hasSizeGreaterThanOrEqualTo(245);
    // Types that the Java binding lacks, operators that ONNX Runtime lacks, and one that it loads.
    assertThat(refused)
        .allSatisfy(
            (name, e) ->
                assertThat(e)
                    .hasMessageMatching(
                        "input '.*' has element type (UINT|FLOAT8)[A-Z0-9]+, which this engine does not carry"
                            + "|input '.*' has an element type that ONNX Runtime's Java binding has no name for"
                            + "|(?s)ONNX Runtime cannot load %s.onnx: .+".formatted(name)
                            + "|(?s).+ while running ConvInteger node.+"));
  }

  /** At most one for each output. */
  private static List<String> differences(LoadedModel model, Map<String, byte[]> files)
      throws EngineException, IOException {
    List<Tensor> inputs = new ArrayList<>();
    for (TensorSpec spec : model.signature().inputs()) {
      inputs.add(read(files, "input_%d.pb".formatted(inputs.size()), spec));
    }
    List<String> differences = new ArrayList<>();
    List<Tensor> outputs = model.run(inputs);
    for (int i = 0; i < outputs.size(); i++) {
      TensorSpec spec = model.signature().outputs().get(i);
      difference(outputs.get(i), read(files, "output_%d.pb".formatted(i), spec))
          .ifPresent(differences::add);
    }
    return differences;
  }

  private static Optional<String> difference(Tensor got, Tensor wanted) {
    if (!got.shape().equals(wanted.shape())) {
      return Optional.of(
          "%s has shape %s, not %s".formatted(got.name(), got.shape(), wanted.shape()));
    }
    int bytes = got.type().bytes();
    for (int at = 0; at < wanted.data().remaining(); at += bytes) {
      double right = got.type().number(wanted.data(), at);
      double value = got.type().number(got.data(), got.data().position() + at);
      if (Double.compare(right, value) != 0
          && !(Math.abs(right - value) <= ABSOLUTE + RELATIVE * Math.abs(right))) {
        return Optional.of(
            "%s has %s at element %d, not %s".formatted(got.name(), value, at / bytes, right));
      }
    }
    return Optional.empty();
  }

  private static Tensor read(Map<String, byte[]> files, String name, TensorSpec spec)
      throws IOException {
    TensorProto tensor = TensorProto.parseFrom(files.get(name));
    return new Tensor(spec.name(), spec.type(), tensor.getDimsList(), data(tensor, spec.type()));
  }

  // The elements lie in one of five fields, or as bytes.
  private static ByteBuffer data(TensorProto tensor, ElementType type) {
    int bytes = (int) Tensor.elements(tensor.getDimsList()) * type.bytes();
    ByteBuffer data = ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (tensor.hasRawData()) {
      tensor.getRawData().copyTo(data);
      return data.flip();
    }
    switch (type) {
      case BOOL, INT8, UINT8 -> tensor.getInt32DataList().forEach(v -> data.put(v.byteValue()));
      case INT16, UINT16, FP16, BF16 ->
          tensor.getInt32DataList().forEach(v -> data.putShort(v.shortValue()));
      case INT32 -> tensor.getInt32DataList().forEach(data::putInt);
      case INT64 -> tensor.getInt64DataList().forEach(data::putLong);
      case UINT32 -> tensor.getUint64DataList().forEach(v -> data.putInt(v.intValue()));
      case UINT64 -> tensor.getUint64DataList().forEach(data::putLong);
      case FP32 -> tensor.getFloatDataList().forEach(data::putFloat);
      case FP64 -> tensor.getDoubleDataList().forEach(data::putDouble);
      case BYTES -> throw new IllegalStateException("no test has strings");
    }
    return data.flip();
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
          String test =
              path.getName(path.getNameCount() - (path.endsWith("model.onnx") ? 2 : 3)).toString();
          tests
              .computeIfAbsent(test, first -> new TreeMap<>())
              .put(path.getFileName().toString(), archive.readAllBytes());
        }
      }
    }
    return tests;
  }
}
