package io.skerry.runtime.tflite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.OperatorProfile;
import io.skerry.runtime.OperatorTime;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TfliteEngineTest {
  private static final Path MODELS = Path.of("../../../shared/data/mlperf-tiny");

  private final TfliteEngine engine = new TfliteEngine();
  @TempDir private Path folder;

  @BeforeEach
  void needsTheNativeLibrary() {
    assumeThat(engine.probe()).isInstanceOf(EngineStatus.Available.class);
  }

  @Test
  void isFoundAsAService() {
    assertThat(ServiceLoader.load(InferenceEngine.class))
        .anyMatch(found -> found.name().equals("tflite"));
  }

  @Test
  void loadsModelsHoweverSmallTheHeapIs() throws Exception {
    // A process of its own: what the bindings allow is settled when they are first used.
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx16m",
                "-XX:MaxDirectMemorySize=96m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                BesideMuchMemory.class.getName(),
                real("kws_ref_model.tflite").toString())
            .redirectErrorStream(true)
            .start();

    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor()).as(said).isZero();
  }

  /** Loads a model in a process that takes more than four times its largest heap. */
  static final class BesideMuchMemory {
    private BesideMuchMemory() {}

    public static void main(String[] args) throws Exception {
      ByteBuffer much = ByteBuffer.allocateDirect(80 << 20);
      while (much.hasRemaining()) {
        much.putLong(1);
      }
      new TfliteEngine().load(Path.of(args[0]), LoadOptions.DEFAULTS).close();
    }
  }

  @Test
  void refusesWhatIsNoModel() throws Exception {
    Path empty = Files.createFile(folder.resolve("empty.tflite"));
    Path noise = folder.resolve("noise.tflite");
    byte[] bytes = new byte[4096];
    new Random(7).nextBytes(bytes);
    Files.write(noise, bytes);

    for (Path file : List.of(empty, noise, folder.resolve("absent.tflite"))) {
      assertThatThrownBy(() -> engine.load(file, LoadOptions.DEFAULTS))
          .isInstanceOfSatisfying(
              EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.MODEL_INVALID))
          .hasMessageContaining(file.getFileName().toString());
    }
  }

  @Test
  void refusesATruncatedModel() throws Exception {
    byte[] whole = Files.readAllBytes(real("kws_ref_model.tflite"));
    Path cut = folder.resolve("cut.tflite");

    for (int part = 1; part < 8; part++) {
      Files.write(cut, Arrays.copyOf(whole, whole.length * part / 8));
      assertThatThrownBy(() -> engine.load(cut, LoadOptions.DEFAULTS))
          .isInstanceOf(EngineException.class);
    }
  }

  @Test
  void fallsBackToTheProcessorWhenTheDelegateCannotBeUsed() throws Exception {
    Path none = Files.writeString(folder.resolve("libnpu.so"), "no library");
    Path other = Path.of("/proc/self/exe").toRealPath();
    for (Path library : List.of(none, folder.resolve("absent.so"), other)) {
      LoadOptions options =
          LoadOptions.DEFAULTS.withLibraries(Map.of(LoadOptions.TFLITE_DELEGATE, library));

      try (LoadedModel model = engine.load(real("kws_ref_model.tflite"), options)) {
        assertThat(model.providers()).containsExactly("xnnpack", "cpu");
        assertThat(model.faults())
            .singleElement()
            .asString()
            .startsWith("tflite-delegate: ")
            .contains(library.toString());
      }
      assertThatThrownBy(
              () -> engine.load(real("kws_ref_model.tflite"), options.onAcceleratorOnly()))
          .isInstanceOfSatisfying(
              EngineException.class,
              e -> assertThat(e.reason()).isEqualTo(Reason.ENGINE_UNAVAILABLE))
          .hasMessageContaining(library.toString());
    }
  }

  @Test
  void refusesToRunOnTheProcessorWhatIsForAnAcceleratorOnly() {
    assertThatThrownBy(
            () ->
                engine.load(real("kws_ref_model.tflite"), LoadOptions.DEFAULTS.onAcceleratorOnly()))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.ENGINE_UNAVAILABLE))
        .hasMessageContaining("no library of a delegate");
  }

  @Test
  void answersTheSameInAScopeAndStopsWhenItIsStopped() throws Exception {
    TensorPool pool = new TensorPool(1 << 20);
    try (LoadedModel model = engine.load(real("kws_ref_model.tflite"), LoadOptions.DEFAULTS)) {
      Tensor input = input(model, 1);
      Tensor expected = model.run(List.of(input)).getFirst();
      RunScope stopped = pool.open();
      stopped.stop();

      assertThatThrownBy(() -> model.run(List.of(input), stopped))
          .isInstanceOfSatisfying(
              EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.STOPPED));
      try (RunScope scope = pool.open()) {
        assertThat(model.run(List.of(input), scope).getFirst().data()).isEqualTo(expected.data());
      }
    }
    assertThat(pool.bytesIdle()).isPositive();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kws_ref_model.tflite",
        "kws_ref_model_float32.tflite",
        "ad01_int8.tflite",
        "pretrainedResnet_quant.tflite"
      })
  void runsRealModelsWithXnnpack(String name) throws Exception {
    try (LoadedModel model = engine.load(real(name), LoadOptions.DEFAULTS)) {
      Tensor input = input(model, 1);

      List<Tensor> once = model.run(List.of(input));
      List<Tensor> again = model.run(List.of(input));

      assertThat(model.providers()).containsExactly("xnnpack", "cpu");
      assertThat(once).hasSameSizeAs(model.signature().outputs());
      TensorSpec output = model.signature().outputs().getFirst();
      assertThat(output.accepts(once.getFirst().shape())).isTrue();
      assertThat(again.getFirst().data()).isEqualTo(once.getFirst().data());
    }
  }

  @Test
  void tellsWhatEachOperatorTakesInAndOutOfXnnpack() throws Exception {
    Tensor input;
    try (LoadedModel model = engine.load(real("kws_ref_model.tflite"), LoadOptions.DEFAULTS)) {
      input = input(model, 1);
    }

    OperatorProfile profile =
        engine.profile(real("kws_ref_model.tflite"), LoadOptions.DEFAULTS, List.of(input), 200);

    assertThat(profile.runs()).isEqualTo(200);
    assertThat(profile.operators())
        .extracting(OperatorTime::operator)
        .contains("AVERAGE_POOL_2D", "SOFTMAX")
        .anyMatch(name -> name.startsWith("Convolution (NHWC, QC8)"));
    assertThat(profile.operators())
        .extracting(OperatorTime::node)
        .contains("XNNPACK, part 1, operator 0", "XNNPACK, part 2, operator 0")
        .anyMatch(node -> node.startsWith("operator "))
        .doesNotHaveDuplicates()
        .hasSizeBetween(10, 30);
    assertThat(profile.operators()).allMatch(time -> time.nanos() >= 0);
    assertThat(profile.operators().stream().mapToLong(OperatorTime::nanos).sum()).isPositive();
  }

  /** Calls from native code have a few places for each kind, which a clock has to give back. */
  @Test
  void tellsItAgainAndAgain() throws Exception {
    Path file = real("kws_ref_model.tflite");
    Tensor input;
    try (LoadedModel model = engine.load(file, LoadOptions.DEFAULTS)) {
      input = input(model, 1);
    }

    for (int i = 0; i < 25; i++) {
      assertThat(engine.profile(file, LoadOptions.DEFAULTS, List.of(input), 1).operators())
          .as("time %d", i)
          .hasSizeBetween(10, 30);
    }
  }

  @Test
  void tellsNoMoreOperatorsApartThanItMay() {
    try (OperatorClock clock = new OperatorClock()) {
      for (long i = 0; i < OperatorClock.OPERATORS_MAX + 5L; i++) {
        clock.count(new OperatorClock.Operator(0, i, "ADD"), 1);
      }
      clock.count(new OperatorClock.Operator(0, 0, "ADD"), 1);

      assertThat(clock.times()).hasSize(OperatorClock.OPERATORS_MAX);
      assertThat(clock.times().getFirst().nanos()).isEqualTo(2);
    }
  }

  @Test
  void runsBatchesOfAnySizeWhereTheModelLeavesItOpen() throws Exception {
    try (LoadedModel model = engine.load(real("kws_ref_model.tflite"), LoadOptions.DEFAULTS)) {
      TensorSpec spec = model.signature().inputs().getFirst();
      assertThat(spec.shape().getFirst()).isEqualTo(-1);
      Tensor one = input(model, 1);
      Tensor two = input(model, 2);
      List<Long> shape = new ArrayList<>(one.shape());
      shape.set(0, 2L);
      ByteBuffer both = ByteBuffer.allocateDirect(2 * one.data().remaining());
      both.put(one.data().duplicate()).put(two.data().duplicate()).flip();

      ByteBuffer first = model.run(List.of(one)).getFirst().data();
      ByteBuffer batch =
          model.run(List.of(new Tensor(spec.name(), spec.type(), shape, both))).getFirst().data();
      ByteBuffer second = model.run(List.of(two)).getFirst().data();

      assertThat(batch.slice(0, first.remaining())).isEqualTo(first);
      assertThat(batch.slice(first.remaining(), second.remaining())).isEqualTo(second);
      assertThat(batch.remaining()).isEqualTo(first.remaining() + second.remaining());
    }
  }

  @Test
  void answersConcurrentRunsEachWithItsOwnInput() throws Exception {
    try (LoadedModel model = engine.load(real("ad01_int8.tflite"), LoadOptions.DEFAULTS);
        ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<ByteBuffer> expected = new ArrayList<>();
      for (int seed = 0; seed < 8; seed++) {
        expected.add(model.run(List.of(input(model, seed))).getFirst().data());
      }
      List<Callable<Boolean>> runs = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        int seed = i % 8;
        runs.add(
            () ->
                model
                    .run(List.of(input(model, seed)))
                    .getFirst()
                    .data()
                    .equals(expected.get(seed)));
      }

      for (Future<Boolean> right : threads.invokeAll(runs)) {
        assertThat(right.get()).isTrue();
      }
    }
  }

  @Test
  void loadsAndClosesManyTimes() throws Exception {
    Path file = real("kws_ref_model.tflite");

    for (int i = 0; i < 50; i++) {
      try (LoadedModel model = engine.load(file, LoadOptions.DEFAULTS)) {
        assertThat(model.run(List.of(input(model, i)))).isNotEmpty();
      }
    }
  }

  private static Tensor input(LoadedModel model, int seed) {
    TensorSpec spec = model.signature().inputs().getFirst();
    List<Long> shape = spec.shape().stream().map(size -> Math.max(1, size)).toList();
    int bytes = Math.toIntExact(Tensor.elements(shape)) * spec.type().bytes();
    ByteBuffer data = ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    Random random = new Random(seed);
    while (data.hasRemaining()) {
      switch (spec.type()) {
        case FP32 -> data.putFloat(random.nextFloat());
        default -> data.put((byte) random.nextInt());
      }
    }
    return new Tensor(spec.name(), spec.type(), shape, data.flip());
  }

  private static Path real(String name) {
    Path file = MODELS.resolve(name);
    assumeThat(file).as("no real model at ../shared/data").isRegularFile();
    return file;
  }
}
