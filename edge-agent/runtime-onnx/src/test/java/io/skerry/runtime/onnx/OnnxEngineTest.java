package io.skerry.runtime.onnx;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.ByteStrings;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.OperatorProfile;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OnnxEngineTest {
  private final OnnxEngine engine = new OnnxEngine();
  @TempDir private Path folder;

  @Test
  void isFoundAsAService() {
    assertThat(ServiceLoader.load(InferenceEngine.class))
        .anyMatch(found -> found.name().equals("onnxruntime"));
  }

  @Test
  void offersTheProcessor() {
    assertThat(engine.probe())
        .isInstanceOfSatisfying(
            EngineStatus.Available.class,
            available -> assertThat(available.providers()).contains("cpu"));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void leavesNoLibrariesBehindWhateverEndsItsProcess() throws Exception {
    engine.probe();

    try (Stream<String> mapped = Files.lines(Path.of("/proc/self/maps"))) {
      List<String> libraries =
          mapped
              .filter(line -> line.contains("onnxruntime-java"))
              .map(line -> line.substring(line.indexOf('/')))
              .distinct()
              .toList();
      assertThat(libraries).hasSize(2).allMatch(library -> library.endsWith(" (deleted)"));
      Path unpacked = Path.of(libraries.getFirst()).getParent();
      assertThat(unpacked).doesNotExist();
    }
  }

  @Test
  void readsTheSignatureWithOpenDimensions() throws Exception {
    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2))) {
      assertThat(model.signature().inputs())
          .containsExactly(new TensorSpec("input", ElementType.FP32, List.of(-1L, 3L)));
      assertThat(model.signature().outputs())
          .containsExactly(new TensorSpec("output", ElementType.FP32, List.of(-1L, 3L)));
      assertThat(model.providers()).containsExactly("cpu");
    }
  }

  @Test
  void runsBatchesOfAnySize() throws Exception {
    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2))) {
      assertThat(run(model, Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3)).floats())
          .containsExactly(2, 4, 6);
      assertThat(run(model, Tensor.ofFloats("input", List.of(2L, 3L), 1, 2, 3, 4, 5, 6)).shape())
          .containsExactly(2L, 3L);
      assertThat(run(model, Tensor.ofFloats("input", List.of(0L, 3L))).floats()).isEmpty();
    }
  }

  @Test
  void readsHeapBuffersAndBuffersThatStartLater() throws Exception {
    ByteBuffer heap = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
    heap.putFloat(8, 1).putFloat(12, 2).putFloat(16, 3).position(8);
    ByteBuffer direct = ByteBuffer.allocateDirect(20).put(heap.duplicate().position(0));
    direct.position(8);

    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2))) {
      for (ByteBuffer data : List.of(heap, direct)) {
        Tensor input = new Tensor("input", ElementType.FP32, List.of(1L, 3L), data);
        assertThat(run(model, input).floats()).containsExactly(2, 4, 6);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "BOOL, 9",
    "UINT8, 2",
    "INT8, 3",
    "INT16, 5",
    "INT32, 6",
    "INT64, 7",
    "FP16, 10",
    "FP32, 1",
    "FP64, 11",
    "BF16, 16"
  })
  void carriesEveryElementType(ElementType type, int dataType) throws Exception {
    byte[] bytes = new byte[3 * type.bytes()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = type == ElementType.BOOL ? (byte) (i % 2) : (byte) (i + 1);
    }

    try (LoadedModel model = load(TinyOnnx.identity(folder.resolve("m.onnx"), dataType))) {
      Tensor output =
          run(model, new Tensor("input", type, List.of(1L, 3L), ByteBuffer.wrap(bytes)));

      assertThat(output.type()).isEqualTo(type);
      byte[] answered = new byte[output.data().remaining()];
      output.data().duplicate().get(answered);
      assertThat(answered).isEqualTo(bytes);
    }
  }

  @Test
  void carriesStringsAsBytes() throws Exception {
    List<byte[]> texts =
        List.of("".getBytes(UTF_8), "grüße".getBytes(UTF_8), "a b\0c".getBytes(UTF_8));

    try (LoadedModel model = load(TinyOnnx.identity(folder.resolve("m.onnx"), 8))) {
      assertThat(model.signature().inputs().getFirst().type()).isEqualTo(ElementType.BYTES);
      Tensor output =
          run(
              model,
              new Tensor("input", ElementType.BYTES, List.of(1L, 3L), ByteStrings.write(texts)));
      assertThat(output.shape()).containsExactly(1L, 3L);
      assertThat(ByteStrings.read(output.data())).containsExactlyElementsOf(texts);

      Tensor none =
          run(
              model,
              new Tensor("input", ElementType.BYTES, List.of(0L, 3L), ByteBuffer.allocate(0)));
      assertThat(none.data().remaining()).isZero();
    }
  }

  @Test
  void refusesStringsThatAreNoTextAndNamesTheElement() throws Exception {
    ByteBuffer data =
        ByteStrings.write(List.of(new byte[] {'a'}, new byte[] {(byte) 0xff}, new byte[0]));

    try (LoadedModel model = load(TinyOnnx.identity(folder.resolve("m.onnx"), 8))) {
      assertThatThrownBy(
              () -> run(model, new Tensor("input", ElementType.BYTES, List.of(1L, 3L), data)))
          .isInstanceOfSatisfying(
              EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.INPUT_INVALID))
          .hasMessageContaining("element 1 of input 'input'");
      assertThatThrownBy(
              () -> run(model, new Tensor("input", ElementType.BYTES, List.of(2L, 3L), data)))
          .hasMessageContaining("has 3 elements");
    }
  }

  @ParameterizedTest
  @CsvSource({"UINT16, 4", "UINT32, 12", "UINT64, 13"})
  void refusesTypesThatItCannotCarryWhenLoading(String type, int dataType) throws Exception {
    Path file = TinyOnnx.identity(folder.resolve("m.onnx"), dataType);

    assertThatThrownBy(() -> load(file))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.MODEL_INVALID))
        .hasMessageContaining("input 'input'")
        .hasMessageContaining(type);
  }

  @Test
  void namesFileAndReasonWhenAModelDoesNotLoad() throws Exception {
    Path broken = Files.write(folder.resolve("broken.onnx"), new byte[] {1, 2, 3});
    Path unknown = TinyOnnx.unknownOperator(folder.resolve("unknown.onnx"));

    assertThatThrownBy(() -> load(broken))
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("broken.onnx")
        .hasMessageNotContaining("\n");
    assertThatThrownBy(() -> load(unknown)).hasMessageContaining("Frobnicate");
    assertThatThrownBy(() -> load(folder.resolve("absent.onnx")))
        .hasMessageContaining("absent.onnx");
  }

  @Test
  void refusesInputsThatDoNotFit() throws Exception {
    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2))) {
      for (List<Tensor> wrong :
          List.of(
              List.<Tensor>of(),
              List.of(Tensor.ofFloats("other", List.of(1L, 3L), 1, 2, 3)),
              List.of(Tensor.ofFloats("input", List.of(1L, 2L), 1, 2)),
              List.of(Tensor.ofFloats("input", List.of(3L), 1, 2, 3)),
              List.of(
                  new Tensor(
                      "input", ElementType.INT32, List.of(1L, 3L), ByteBuffer.allocate(12))))) {
        assertThatThrownBy(() -> model.run(wrong))
            .isInstanceOfSatisfying(
                EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.INPUT_INVALID));
      }
    }
  }

  @Test
  void saysWhichProvidersItHasWhenNoneOfTheWantedIsHere() throws Exception {
    Path file = TinyOnnx.scale(folder.resolve("m.onnx"), 2);

    assertThatThrownBy(() -> engine.load(file, new LoadOptions(1, List.of("no-such-provider"))))
        .hasMessageContaining("[no-such-provider]")
        .hasMessageContaining("cpu");
    try (LoadedModel model =
        engine.load(file, new LoadOptions(1, List.of("no-such-provider", "cpu")))) {
      assertThat(model.providers()).containsExactly("cpu");
    }
  }

  @Test
  void refusesToRunOnTheProcessorWhatIsForAnAcceleratorOnly() throws Exception {
    Path file = TinyOnnx.scale(folder.resolve("m.onnx"), 2);
    LoadOptions options =
        new LoadOptions(1, List.of("tensorrt", "cuda", "openvino", "cpu")).onAcceleratorOnly();

    assertThatThrownBy(() -> engine.load(file, options))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.ENGINE_UNAVAILABLE))
        .hasMessageContainingAll(
            "m.onnx", "accelerator only", "tensorrt: ", "cuda: ", "openvino: ");
  }

  @Test
  void fallsBackInTheProfilesOrderAndSaysWhatItUses() throws Exception {
    Path file = TinyOnnx.scale(folder.resolve("m.onnx"), 2);
    Path library = Files.writeString(folder.resolve("libqnn.so"), "no library");
    LoadOptions options =
        new LoadOptions(1, List.of("tensorrt", "cuda", "openvino", "qnn", "cpu"))
            .withLibraries(Map.of("qnn", library, "openvino", library))
            .withCache(folder.resolve("compiled"));

    try (LoadedModel model = engine.load(file, options)) {
      assertThat(model.providers()).containsExactly("cpu");
      assertThat(model.faults())
          .hasSize(4)
          .anyMatch(fault -> fault.startsWith("qnn: "))
          .anyMatch(fault -> fault.startsWith("openvino: ") && fault.contains("libqnn.so"));
      assertThat(run(model, Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3)).floats())
          .containsExactly(2, 4, 6);
    }
    assertThatThrownBy(() -> engine.load(file, options.onAcceleratorOnly()))
        .hasMessageContaining("qnn: ");
  }

  @Test
  void sharesOnePoolOfThreadsAmongModelsOfSeveral() throws Exception {
    LoadOptions options = new LoadOptions(2, List.of());
    try (LoadedModel one = engine.load(TinyOnnx.scale(folder.resolve("1.onnx"), 2), options);
        LoadedModel other = engine.load(TinyOnnx.scale(folder.resolve("2.onnx"), 3), options)) {
      Tensor input = Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3);

      assertThat(run(one, input).floats()).containsExactly(2, 4, 6);
      assertThat(run(other, input).floats()).containsExactly(3, 6, 9);
    }
  }

  @Test
  void runsTheSameWithoutKeepingMemory() throws Exception {
    LoadOptions options = new LoadOptions(1, List.of(), false, false, Map.of(), Optional.empty());
    try (LoadedModel model = engine.load(TinyOnnx.scale(folder.resolve("m.onnx"), 2), options)) {
      assertThat(run(model, Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3)).floats())
          .containsExactly(2, 4, 6);
    }
  }

  @Test
  void runsConcurrently() throws Exception {
    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2));
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Callable<Boolean>> runs = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        float value = i;
        runs.add(
            () ->
                run(model, Tensor.ofFloats("input", List.of(1L, 3L), value, 0, 0)).floats()[0]
                    == 2 * value);
      }

      for (Future<Boolean> right : threads.invokeAll(runs)) {
        assertThat(right.get()).isTrue();
      }
    }
  }

  @Test
  void leavesNothingOfAProfileBehind() throws Exception {
    Path file = TinyOnnx.scale(folder.resolve("m.onnx"), 2);
    Tensor input = Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3);
    List<Path> before = profileFolders();

    OperatorProfile profile = engine.profile(file, LoadOptions.DEFAULTS, List.of(input), 5);

    assertThat(profile.runs()).isEqualTo(5);
    assertThat(profile.operators()).singleElement().extracting("operator").isEqualTo("Mul");
    assertThatThrownBy(() -> engine.profile(file, LoadOptions.DEFAULTS, List.of(), 5))
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("expected 1 inputs");
    assertThatThrownBy(
            () -> engine.profile(folder.resolve("no.onnx"), LoadOptions.DEFAULTS, List.of(), 1))
        .isInstanceOf(EngineException.class);
    assertThat(profileFolders()).isEqualTo(before);
  }

  private static List<Path> profileFolders() throws IOException {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files.filter(file -> file.toString().contains("skerry-profile")).sorted().toList();
    }
  }

  @Test
  void profilesNoMoreRunsThanItCanKeepRecordsOf() throws Exception {
    Path file = TinyOnnx.longRun(folder.resolve("m.onnx"), 4, 2_000);
    Tensor input = Tensor.ofFloats("input", List.of(1L, 4L), 1, 2, 3, 4);

    OperatorProfile profile = engine.profile(file, LoadOptions.DEFAULTS, List.of(input), 1_000);

    assertThat(profile.operators()).hasSize(2_000);
    assertThat(profile.runs()).isBetween(1, OnnxEngine.PROFILE_EVENTS_MAX / 2_000);
  }

  @Test
  void runsARealModel() throws Exception {
    Path file = Path.of("../../../shared/data/onnx-fp32/resnet8-fp32.onnx");
    assumeThat(file).as("no real model at ../shared/data").isRegularFile();

    try (LoadedModel model = load(file)) {
      TensorSpec input = model.signature().inputs().getFirst();
      List<Long> shape = input.shape().stream().map(size -> Math.max(1, size)).toList();
      float[] values = new float[Math.toIntExact(Tensor.elements(shape))];

      float[] classes = run(model, Tensor.ofFloats(input.name(), shape, values)).floats();

      assertThat(classes).hasSize(10).doesNotContain(Float.NaN);
    }
  }

  private LoadedModel load(Path file) throws EngineException {
    return engine.load(file, LoadOptions.DEFAULTS);
  }

  private static Tensor run(LoadedModel model, Tensor input) throws EngineException {
    return model.run(List.of(input)).getFirst();
  }
}
