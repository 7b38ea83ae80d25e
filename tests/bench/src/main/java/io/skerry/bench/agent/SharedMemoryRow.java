package io.skerry.bench.agent;

import com.google.protobuf.ByteString;
import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.SharedRegionFile;
import io.skerry.agent.bench.Timings;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * 602,112 bytes in and out, inline and through shared memory. The client's own copies count on both
 * sides: it makes the input's bytes from an array and reads the output into one.
 */
final class SharedMemoryRow {
  static final String NAME = "shared-memory";
  private static final double REQUIRED = 0.25;
  private static final int FLOATS = 150_528;
  private static final int BYTES = FLOATS * Float.BYTES;
  private static final int CALLS = 300;

  private SharedMemoryRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path models = image.scratch().resolve("memory-shared");
    BenchModels.adding(models.resolve("add/1/model.onnx"), FLOATS, 1);
    byte[] given = new byte[BYTES];
    byte[] taken = new byte[BYTES];
    List<Tensor> inputs =
        List.of(Tensor.ofFloats("x", List.of(1L, (long) FLOATS), new float[FLOATS]));
    List<Timings> inline = new ArrayList<>();
    List<Timings> shared = new ArrayList<>();
    try (AgentProcess agent =
            image.start(models, "--shared-memory", SharedRegionFile.PREFIX).awaitServing();
        AgentClient client = AgentClient.of(agent.socket());
        SharedRegionFile region =
            SharedRegionFile.register(client, "add", inputs, Map.of("y", BYTES))) {
      Timings.Work callInline = () -> inline(client, given, taken);
      Timings.Work callShared = () -> region.call(client);
      Timings.of(quick ? 500 : 3_000, callInline);
      Timings.of(quick ? 500 : 3_000, callShared);
      for (int round = 0; round < (quick ? 3 : 9); round++) {
        inline.add(Timings.of(CALLS, callInline));
        shared.add(Timings.of(CALLS, callShared));
      }
    }
    double ratio = Timings.median(shared).p50() / Timings.median(inline).p50();
    return List.of(
        new Claim(
            NAME,
            "<= 0.25",
            Math.round(ratio * 1_000) / 1_000.0,
            "of the inline call",
            ratio <= REQUIRED,
            "shared %s, inline %s".formatted(Timings.median(shared), Timings.median(inline))));
  }

  private static void inline(AgentClient client, byte[] given, byte[] taken) {
    ModelInferRequest request =
        ModelInferRequest.newBuilder()
            .setModelName("add")
            .addInputs(
                InferInputTensor.newBuilder()
                    .setName("x")
                    .setDatatype("FP32")
                    .addShape(1)
                    .addShape(FLOATS))
            .addRawInputContents(ByteString.copyFrom(given))
            .build();
    ModelInferResponse response = client.blocking().modelInfer(request);
    response.getRawOutputContents(0).copyTo(taken, 0);
  }
}
