package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.agent.TinyOnnx;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.MemoryRoom;
import io.skerry.agent.model.ModelLease;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.ServingModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelRepositoryTest {
  private static final EngineCatalog ENGINES = EngineCatalog.discovered();

  @TempDir private Path folder;
  private final ModelSlots slots = new ModelSlots();

  @AfterEach
  void close() {
    slots.close();
  }

  @Test
  void loadsEveryVersionAndKnowsItsFile() throws Exception {
    Path two = TinyOnnx.scale(version("m", "2").resolve("model.onnx"), 2);
    TinyOnnx.scale(version("m", "10").resolve("model.onnx"), 10);

    assertThat(load().entries()).extracting(ModelListing.Entry::version).containsExactly("2", "10");
    assertThat(slots.find(new ModelName("m"), Optional.empty()))
        .map(model -> model.version().version())
        .contains(10L);
    assertThat(slots.find(new ModelName("m"), Optional.of(2L)))
        .map(ServingModel::manifest)
        .contains(Digest.of(Files.readAllBytes(two)));
  }

  @Test
  void loadsAModelAnewOfWhichOnlyTheWeightsBesideItChanged() throws Exception {
    ModelName name = new ModelName("m");
    Path file = TinyOnnx.scaleOutside(version("m", "1").resolve("model.onnx"), 2);
    ModelRepository repository = load();

    TinyOnnx.scaleOutside(file, 3);
    repository.load(name, ConfigOverride.NONE);

    try (ModelLease lease = slots.acquire(name, Optional.empty()).orElseThrow()) {
      Tensor input = Tensor.ofFloats("input", List.of(1L, 3L), new float[] {1, 2, 3});
      assertThat(lease.run(List.of(input)).getFirst().floats()).containsExactly(3, 6, 9);
    }
  }

  @Test
  void runsAModelOnceBeforeItAnswers() throws Exception {
    TinyOnnx.scale(version("m", "1").resolve("model.onnx"), 2);
    List<String> seen = new ArrayList<>();
    InferenceEngine engine = new RunsNoting(seen);
    slots.onChange(() -> seen.add("activated"));

    ModelRepository repository =
        ModelRepository.load(
            folder, new EngineCatalog(List.of(engine)), LoadOptions.DEFAULTS, slots);
    TinyOnnx.scale(folder.resolve("m/1/model.onnx"), 3);
    repository.load(new ModelName("m"), ConfigOverride.NONE);

    assertThat(seen).startsWith("run", "activated", "run", "activated");
  }

  /** Notes the runs of its models. */
  private record RunsNoting(List<String> seen) implements InferenceEngine {
    @Override
    public String name() {
      return "noting";
    }

    @Override
    public String fileExtension() {
      return ".onnx";
    }

    @Override
    public EngineStatus probe() {
      return new EngineStatus.Available("1", List.of("cpu"));
    }

    @Override
    public LoadedModel load(Path file, LoadOptions options) {
      return new LoadedModel() {
        private final TensorSpec spec = new TensorSpec("x", ElementType.FP32, List.of(1L));

        @Override
        public String engine() {
          return "noting";
        }

        @Override
        public ModelSignature signature() {
          return new ModelSignature(List.of(spec), List.of(spec));
        }

        @Override
        public List<String> providers() {
          return List.of("cpu");
        }

        @Override
        public List<Tensor> run(List<Tensor> inputs) {
          seen.add("run");
          return inputs;
        }

        @Override
        public void close() {}
      };
    }
  }

  @Test
  void servesBothKindsOfModel() throws Exception {
    Path tflite = Path.of("../../../shared/data/mlperf-tiny/kws_ref_model.tflite");
    assumeThat(tflite).as("no real model at ../shared/data").isRegularFile();
    Files.copy(tflite, version("kws", "1").resolve("model.tflite"));
    TinyOnnx.scale(version("scale", "1").resolve("model.onnx"), 2);

    load();

    assertThat(slots.active())
        .extracting(ServingModel::engine)
        .containsExactly("tflite", "onnxruntime");
  }

  @Test
  void namesWhatItCannotServeAndServesTheRest() throws Exception {
    TinyOnnx.scale(version("good", "1").resolve("model.onnx"), 2);
    Files.write(version("broken", "1").resolve("model.onnx"), new byte[] {1, 2, 3});
    Files.createDirectories(folder.resolve("none"));
    version("nothing", "1");
    version("good", "latest");
    version("No name", "1");
    TinyOnnx.scale(version("both", "1").resolve("model.onnx"), 2);
    Files.createFile(folder.resolve("both/1/model.tflite"));
    Files.createDirectories(folder.resolve(".git/1"));
    Files.createFile(folder.resolve("README"));

    assertThat(load().entries())
        .filteredOn(entry -> !entry.ready())
        .extracting(entry -> entry.model() + "@" + entry.version() + ": " + entry.reason())
        .satisfiesExactly(
            bad -> assertThat(bad).startsWith("No name@1: model 'No name' is not a name"),
            both -> assertThat(both).startsWith("both@1: ").contains("either model.onnx or"),
            broken -> assertThat(broken).startsWith("broken@1: ONNX Runtime cannot load"),
            good -> assertThat(good).isEqualTo("good@latest: 'latest' is no version number"),
            none -> assertThat(none).startsWith("none@: has no version"),
            nothing -> assertThat(nothing).startsWith("nothing@1: "));
    assertThat(slots.active()).hasSize(1);
  }

  @Test
  void refusesAFolderWithMoreVersionsThanItMayHold() throws Exception {
    for (int version = 0; version <= ModelRepository.VERSIONS_MAX; version++) {
      version("m", Integer.toString(version));
    }

    assertThatThrownBy(this::load)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("more than 1000 model versions");
  }

  @Test
  void refusesAModelThatIsTooLargeForTheDeviceAndServesTheOthers() throws Exception {
    TinyOnnx.scale(version("m", "1").resolve("model.onnx"), 2);
    AtomicLong free = new AtomicLong(Long.MAX_VALUE);
    EngineCatalog engines =
        new EngineCatalog(
            ServiceLoader.load(InferenceEngine.class).stream()
                .map(ServiceLoader.Provider::get)
                .toList(),
            new MemoryRoom(() -> OptionalLong.of(free.get())));
    ModelRepository repository = ModelRepository.load(folder, engines, LoadOptions.DEFAULTS, slots);
    TinyOnnx.scale(version("m", "2").resolve("model.onnx"), 3);

    free.set(100);

    assertThatThrownBy(() -> repository.load(new ModelName("m"), ConfigOverride.NONE))
        .isInstanceOfSatisfying(
            PredictException.class,
            e -> assertThat(e.code()).isEqualTo(PredictException.Code.RESOURCE_EXHAUSTED))
        .hasMessageContainingAll("failed to load 'm'", "model.onnx");
    assertThat(slots.find(new ModelName("m"), Optional.empty()))
        .map(model -> model.version().version())
        .contains(1L);
  }

  private Path version(String model, String version) throws IOException {
    return Files.createDirectories(folder.resolve(model).resolve(version));
  }

  private ModelRepository load() throws IOException {
    return ModelRepository.load(folder, ENGINES, LoadOptions.DEFAULTS, slots);
  }
}
