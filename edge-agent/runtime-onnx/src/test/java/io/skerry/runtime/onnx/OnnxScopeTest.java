package io.skerry.runtime.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ElementType;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxScopeTest {
  @TempDir Path folder;
  private final OnnxEngine engine = new OnnxEngine();
  private final TensorPool pool = new TensorPool(1 << 20);

  private LoadedModel load(Path file) throws EngineException {
    return engine.load(file, LoadOptions.DEFAULTS);
  }

  private static Tensor rows(float... values) {
    return Tensor.ofFloats("input", List.of(values.length / 3L, 3L), values);
  }

  @Test
  void writesOutputsIntoTheScopesMemoryOnceItKnowsTheirShapes() throws Exception {
    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2))) {
      for (int run = 0; run < 3; run++) {
        try (RunScope scope = pool.open()) {
          Tensor output = model.run(List.of(rows(1, 2, 3, 4, 5, run)), scope).getFirst();

          assertThat(output.floats()).containsExactly(2, 4, 6, 8, 10, 2 * run);
          assertThat(output.shape()).containsExactly(2L, 3L);
          assertThat(output.data().isDirect()).isEqualTo(run > 0);
        }
      }
      try (RunScope scope = pool.open()) {
        assertThat(model.run(List.of(rows(7, 8, 9)), scope).getFirst().floats())
            .containsExactly(14, 16, 18);
      }
    }
    assertThat(pool.bytesIdle()).isPositive();
  }

  @Test
  void outputsOfALastingScopeAreTheCallers() throws Exception {
    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2))) {
      Tensor first = model.run(List.of(rows(1, 2, 3))).getFirst();
      model.run(List.of(rows(4, 5, 6)));

      assertThat(first.floats()).containsExactly(2, 4, 6);
    }
  }

  @Test
  void givesEveryAnswerOfAModelWhoseOutputShapesFollowItsData() throws Exception {
    try (LoadedModel model = load(TinyOnnx.nonZero(folder.resolve("m.onnx")))) {
      for (float[] row : new float[][] {{1, 0, 0}, {1, 1, 0}, {0, 0, 1}, {1, 1, 1}, {0, 0, 0}}) {
        try (RunScope scope = pool.open()) {
          Tensor places = model.run(List.of(rows(row)), scope).getFirst();
          long nonZero = 0;
          for (float value : row) {
            nonZero += value == 0 ? 0 : 1;
          }

          assertThat(places.shape()).containsExactly(2L, nonZero);
        }
      }
    }
  }

  @Test
  void refusesABadInputTheSameWayInAScope() throws Exception {
    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2));
        RunScope scope = pool.open()) {
      Tensor wrong =
          new Tensor(
              "input",
              ElementType.INT32,
              List.of(1L, 3L),
              ByteBuffer.allocateDirect(12).order(ByteOrder.LITTLE_ENDIAN));

      assertThatThrownBy(() -> model.run(List.of(wrong), scope))
          .isInstanceOfSatisfying(
              EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.INPUT_INVALID));
    }
  }

  @Test
  void stopsARunningModelAndRunsItAgain() throws Exception {
    int size = 256;
    // Much work: only stopping it ends this test in time.
    try (LoadedModel model = load(TinyOnnx.longRun(folder.resolve("m.onnx"), size, 3_000))) {
      Tensor input =
          new Tensor(
              "input",
              ElementType.FP32,
              List.of(800L, (long) size),
              ByteBuffer.allocateDirect(800 * size * Float.BYTES));
      RunScope scope = pool.open();
      FutureTask<List<Tensor>> run = new FutureTask<>(() -> model.run(List.of(input), scope));
      Thread runner = Thread.ofPlatform().daemon().start(run);
      while (!isInTheEngine(runner)) {
        Thread.onSpinWait();
      }

      scope.stop();

      assertThatThrownBy(() -> run.get(30, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isInstanceOfSatisfying(
              EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.STOPPED));
      assertThatThrownBy(() -> model.run(List.of(input), scope))
          .isInstanceOfSatisfying(
              EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.STOPPED));
    }
  }

  private static boolean isInTheEngine(Thread thread) {
    return Stream.of(thread.getStackTrace())
        .limit(1)
        .anyMatch(
            frame ->
                frame.isNativeMethod()
                    && frame.getClassName().equals("ai.onnxruntime.OrtSession")
                    && frame.getMethodName().equals("run"));
  }

  @Test
  void aModelThatWasStoppedAnswersTheNextOne() throws Exception {
    try (LoadedModel model = load(TinyOnnx.scale(folder.resolve("m.onnx"), 2))) {
      RunScope stopped = pool.open();
      stopped.stop();
      assertThatThrownBy(() -> model.run(List.of(rows(1, 2, 3)), stopped))
          .isInstanceOf(EngineException.class);

      try (RunScope scope = pool.open()) {
        assertThat(model.run(List.of(rows(1, 2, 3)), scope).getFirst().floats())
            .containsExactly(2, 4, 6);
      }
    }
  }
}
