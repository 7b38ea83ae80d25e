package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.agent.TinyOnnx;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.artifact.ElementType;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Valid requests that ask for more memory than there is, with the real engine. */
class LargeRunsTest {
  private static final ModelName NAME = new ModelName("wide");

  /** Each row takes 32 KiB while it is run: this many take 320 MiB. */
  private static final int MANY = 10_000;

  @TempDir private Path folder;
  private final ModelSlots slots = new ModelSlots();
  private final Predictor predictor =
      new Predictor(
          slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);

  @AfterEach
  void close() {
    slots.close();
  }

  @Test
  void refusesARequestThatWouldTakeMoreThanThereIs() throws Exception {
    ServingModel model = serve(64 << 20);
    predict(1);

    assertThatThrownBy(() -> predict(MANY))
        .isInstanceOfSatisfying(
            PredictException.class, e -> assertThat(e.code()).isEqualTo(Code.RESOURCE_EXHAUSTED))
        .hasMessageMatching(
            "wide@1 is not run: such a run takes about \\d+ bytes of memory here.*");

    assertThat(model.predictionsFailed()).isZero();
    assertThat(predict(100)).isEqualTo(100);
  }

  @Test
  void givesBackWhatALargeRequestTook() throws Exception {
    OptionalLong before = MemoryRoom.kibibytes(Path.of("/proc/self/status"), "VmRSS:");
    assumeThat(before).isNotEmpty();
    serve(4L << 30);

    assertThat(predict(MANY)).isEqualTo(MANY);

    assertThat(MemoryRoom.kibibytes(Path.of("/proc/self/status"), "VmRSS:").getAsLong())
        .isLessThan(before.getAsLong() + (128 << 20));
  }

  @Test
  void givesBackWhatAFewBytesAskedFor() throws Exception {
    OptionalLong before = MemoryRoom.kibibytes(Path.of("/proc/self/status"), "VmRSS:");
    assumeThat(before).isNotEmpty();
    serve(4L << 30, TinyOnnx.zeros(folder.resolve("model.onnx")));
    ByteBuffer many = ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    many.putLong(80_000_000).flip();

    predictor.predict(
        PredictRequest.of(
            NAME, "", List.of(new Tensor("n", ElementType.INT64, List.of(1L), many))));

    assertThat(MemoryRoom.kibibytes(Path.of("/proc/self/status"), "VmRSS:").getAsLong())
        .isLessThan(before.getAsLong() + (128 << 20));
  }

  private ServingModel serve(long available) throws Exception {
    return serve(available, TinyOnnx.wide(folder.resolve("model.onnx"), 4096));
  }

  private ServingModel serve(long available, Path file) throws Exception {
    List<InferenceEngine> engines = new ArrayList<>();
    ServiceLoader.load(InferenceEngine.class).forEach(engines::add);
    EngineCatalog catalog =
        new EngineCatalog(engines, new MemoryRoom(() -> OptionalLong.of(available)));
    ServingModel model =
        new ServingModel(
            new SlotId("main"),
            new ModelVersion(NAME, 1),
            Digest.of(new byte[1]),
            catalog.load(file, LoadOptions.DEFAULTS));
    slots.activate(model.slot(), model);
    return model;
  }

  private long predict(int rows) throws PredictException {
    Tensor input = Tensor.ofFloats("input", List.of((long) rows, 3L), new float[3 * rows]);
    return predictor
        .predict(PredictRequest.of(NAME, "", List.of(input)))
        .outputs()
        .getFirst()
        .shape()
        .getFirst();
  }
}
