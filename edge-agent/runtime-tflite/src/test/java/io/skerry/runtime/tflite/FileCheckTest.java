package io.skerry.runtime.tflite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FileCheckTest {
  private static final Path MODELS = Path.of("../../../shared/data/mlperf-tiny");

  @TempDir private Path folder;

  @Test
  void takesASoundModelAndRunsIt() throws Exception {
    assumeThat(new TfliteEngine().probe()).isInstanceOf(EngineStatus.Available.class);
    Path file = Files.write(folder.resolve("m.tflite"), new TinyTflite().write());

    try (LoadedModel model = new TfliteEngine().load(file, LoadOptions.DEFAULTS)) {
      List<Tensor> outputs = model.run(List.of(Tensor.ofFloats("x", List.of(1L, 4L), 1, 1, 1, 1)));

      assertThat(outputs.getFirst().floats()).containsExactly(12, 44);
    }
  }

  @Test
  void takesWhatOthersMade() throws Exception {
    assumeThat(MODELS).as("no real models at ../shared/data").isDirectory();
    try (Stream<Path> files = Files.list(MODELS)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".tflite")).toList()) {
        assertThatCode(() -> FileCheck.check(file)).doesNotThrowAnyException();
      }
    }
  }

  static Stream<Arguments> wrongs() {
    return Stream.of(
        wrong("operator 0 of subgraph 0 reads and names tensor 5 of 5", m -> m.firstReads[1] = 5),
        wrong("operator 0 of subgraph 0 reads and names tensor -2 of 5", m -> m.firstReads[2] = -2),
        wrong(
            "operator 1 of subgraph 0 writes and names tensor 255 of 5",
            m -> m.secondWrites[0] = 255),
        wrong(
            "operator 1 of subgraph 0 writes and names tensor -1 of 5",
            m -> m.secondWrites[0] = -1),
        wrong(
            "operator 0 of subgraph 0 keeps and names tensor 9 of 5",
            m -> m.firstKeeps = new int[] {-1, 9}),
        wrong("operator 0 of subgraph 0 names kind of operator 2 of 2", m -> m.firstCode = 2),
        wrong(
            "operator 1 of subgraph 0 writes tensor 2, as operator 0 does",
            m -> m.secondWrites[0] = 2),
        wrong(
            "operator 1 of subgraph 0 writes tensor 1, which is given", m -> m.secondWrites[0] = 1),
        wrong(
            "operator 1 of subgraph 0 writes tensor 0, which is given", m -> m.secondWrites[0] = 0),
        wrong(
            "operator 0 of subgraph 0 reads tensor 3 before it is made", m -> m.firstReads[0] = 3),
        wrong(
            "operator 0 of subgraph 0 reads tensor 2 before it is made", m -> m.firstReads[0] = 2),
        wrong("input 0 of subgraph 0 names tensor -1 of 5", m -> m.graphInputs[0] = -1),
        wrong("input 0 of subgraph 0 is tensor 1, which is fixed", m -> m.graphInputs[0] = 1),
        wrong("output 0 of subgraph 0 names tensor 5 of 5", m -> m.graphOutputs[0] = 5),
        wrong(
            "output 0 of subgraph 0 is tensor 4, which nothing makes", m -> m.graphOutputs[0] = 4),
        wrong("operator 1 of subgraph 0 makes what nobody reads", m -> m.graphOutputs[0] = 2),
        wrong("tensor 1 of subgraph 0 names buffer 3 of 3", m -> m.weightBuffer = 3),
        wrong("metadata 0 names buffer 7 of 3", m -> m.metadataBuffer = 7),
        wrong(
            "buffer 2 has its bytes at 100000 with 1 bytes",
            m -> {
              m.bufferOffset = 100_000;
              m.bufferSize = 1;
            }),
        wrong("buffer 2 has its bytes at 18446744073709551615", m -> m.bufferOffset = -1),
        wrong(
            "tensor 0 of subgraph 1 names buffer 5 of 3",
            m ->
                m.otherGraphs.add(
                    TinyTflite.graph(
                        List.of(TinyTflite.tensor("z", 5, 1)), new int[0], new int[0], List.of()))),
        wrong(
            "operator 2 of subgraph 0 names subgraph 1 of 1",
            m -> {
              m.furtherCodes.add(TinyTflite.code(119));
              m.furtherOperators.add(TinyTflite.running(2, 93, 1, 1));
            }),
        wrong(
            "operator 2 of subgraph 0 does not say which subgraph it runs",
            m -> {
              m.furtherCodes.add(TinyTflite.code(119));
              m.furtherOperators.add(TinyTflite.running(2, 92, 0, 0));
            }),
        wrong(
            "its subgraphs run each other without end",
            m -> {
              m.furtherCodes.add(TinyTflite.code(119));
              m.furtherOperators.add(TinyTflite.running(2, 93, 1, 1));
              m.otherGraphs.add(
                  TinyTflite.graph(
                      List.of(),
                      new int[0],
                      new int[0],
                      List.of(
                          TinyTflite.running(2, 93, 0, 0).with(1, TinyTflite.Field.numbers()))));
            }));
  }

  private static Arguments wrong(String fault, Consumer<TinyTflite> change) {
    return Arguments.of(fault, change);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("wrongs")
  void refusesWhatNamesNothing(String fault, Consumer<TinyTflite> change) {
    TinyTflite model = new TinyTflite();
    change.accept(model);

    assertThatThrownBy(() -> check(model.write()))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.MODEL_INVALID))
        .hasMessageContaining("m.tflite")
        .hasMessageContaining(fault);
  }

  @Test
  void tellsHowLargeTheLargestTensorOfARunIs() throws Exception {
    TinyTflite model = new TinyTflite();
    assertThat(check(model.write())).isEqualTo(4 * Float.BYTES);

    model.otherGraphs.add(
        TinyTflite.graph(
            List.of(TinyTflite.tensor("t", 0, 1 << 30, 1 << 30, 1 << 30)),
            new int[0],
            new int[0],
            List.of()));
    assertThat(check(model.write())).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void looksAtNoMoreThanAFileIsLong() {
    TinyTflite model = new TinyTflite();
    List<TinyTflite.Table> many = Collections.nCopies(1_000, TinyTflite.tensor("t", 0, 1));
    model.otherGraphs.add(TinyTflite.graph(many, new int[0], new int[0], List.of()));
    model.otherGraphs.addAll(Collections.nCopies(1_000, TinyTflite.SAME_AGAIN));

    assertThatThrownBy(() -> check(model.write()))
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("its tables name more than its");
  }

  @Test
  void livesThroughEveryDamagedByte() throws Exception {
    assumeThat(new TfliteEngine().probe()).isInstanceOf(EngineStatus.Available.class);
    Path file = Files.write(folder.resolve("m.tflite"), new TinyTflite().write());
    // A process of its own: what this is about would end it.
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Damages.class.getName(),
                file.toString())
            .redirectErrorStream(true)
            .start();

    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor())
        .as(() -> said.substring(Math.max(0, said.length() - 2_000)))
        .isZero();
  }

  /** Loads a model with each of its bytes changed, and runs what can still be loaded. */
  static final class Damages {
    private static final int[] VALUES = {0, 1, 4, 0x80, 0xff};
    private static final long TENSOR_BYTES_MAX = 1 << 20;

    private Damages() {}

    public static void main(String[] args) throws Exception {
      Path file = Path.of(args[0]);
      byte[] sound = Files.readAllBytes(file);
      int from = args.length > 1 ? Integer.parseInt(args[1]) : 0;
      int to = args.length > 2 ? Integer.parseInt(args[2]) : sound.length;
      Path damaged = file.resolveSibling("damaged" + from + ".tflite");
      int ran = 0;
      for (int at = from; at < to; at++) {
        for (int value : VALUES) {
          byte[] bytes = sound.clone();
          bytes[at] = (byte) value;
          Files.write(damaged, bytes);
          System.err.println(at + " := " + value);
          ran += runs(damaged) ? 1 : 0;
        }
      }
      System.err.println(ran + " ran");
    }

    private static boolean runs(Path file) {
      try {
        // A model may be large, and what is large takes long.
        return FileCheck.check(file) <= TENSOR_BYTES_MAX && loadsAndRuns(file);
      } catch (EngineException | RuntimeException e) {
        return false;
      }
    }

    private static boolean loadsAndRuns(Path file) throws EngineException {
      try (LoadedModel model = new TfliteEngine().load(file, LoadOptions.DEFAULTS)) {
        List<Tensor> inputs = new ArrayList<>();
        for (TensorSpec spec : model.signature().inputs()) {
          List<Long> shape = spec.shape().stream().map(size -> Math.max(1, size)).toList();
          long bytes = Math.multiplyExact(Tensor.elements(shape), spec.type().bytes());
          inputs.add(
              new Tensor(spec.name(), spec.type(), shape, ByteBuffer.allocateDirect((int) bytes)));
        }
        model.run(inputs);
        return true;
      }
    }
  }

  private static long check(byte[] content) throws EngineException {
    return FileCheck.check("m.tflite", MemorySegment.ofArray(content));
  }
}
