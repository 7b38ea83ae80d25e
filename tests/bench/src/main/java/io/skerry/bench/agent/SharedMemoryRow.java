package io.skerry.bench.agent;

import com.google.protobuf.ByteString;
import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.Timings;
import io.skerry.bench.Claim;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.SystemSharedMemoryRegisterRequest;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

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
    Path file = Path.of("/dev/shm", "skerry_bench_" + ProcessHandle.current().pid());
    byte[] given = new byte[BYTES];
    byte[] taken = new byte[BYTES];
    List<Timings> inline = new ArrayList<>();
    List<Timings> shared = new ArrayList<>();
    try (AgentProcess agent =
            image.start(models, "--shared-memory", "skerry_bench_").awaitServing();
        AgentClient client = AgentClient.of(agent.socket());
        Arena arena = Arena.ofConfined();
        FileChannel channel =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), 2L * BYTES - 1);
      MemorySegment memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, 2L * BYTES, arena);
      client
          .blocking()
          .systemSharedMemoryRegister(
              SystemSharedMemoryRegisterRequest.newBuilder()
                  .setName("bench")
                  .setKey(file.getFileName().toString())
                  .setByteSize(2L * BYTES)
                  .build());
      ModelInferRequest pointing = pointing();
      Timings.Work callInline = () -> inline(client, given, taken);
      Timings.Work callShared =
          () -> {
            MemorySegment.copy(MemorySegment.ofArray(given), 0, memory, 0, BYTES);
            client.blocking().modelInfer(pointing);
            MemorySegment.copy(memory, BYTES, MemorySegment.ofArray(taken), 0, BYTES);
          };
      Timings.of(quick ? 500 : 4_000, callInline);
      Timings.of(quick ? 500 : 4_000, callShared);
      for (int round = 0; round < (quick ? 3 : 9); round++) {
        inline.add(Timings.of(CALLS, callInline));
        shared.add(Timings.of(CALLS, callShared));
      }
    } finally {
      Files.deleteIfExists(file);
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
            .addInputs(input())
            .addRawInputContents(ByteString.copyFrom(given))
            .build();
    ModelInferResponse response = client.blocking().modelInfer(request);
    response.getRawOutputContents(0).copyTo(taken, 0);
  }

  private static InferInputTensor.Builder input() {
    return InferInputTensor.newBuilder()
        .setName("x")
        .setDatatype("FP32")
        .addShape(1)
        .addShape(FLOATS);
  }

  private static ModelInferRequest pointing() {
    InferParameter region = InferParameter.newBuilder().setStringParam("bench").build();
    InferParameter bytes = InferParameter.newBuilder().setInt64Param(BYTES).build();
    return ModelInferRequest.newBuilder()
        .setModelName("add")
        .addInputs(
            input()
                .putParameters("shared_memory_region", region)
                .putParameters("shared_memory_byte_size", bytes))
        .addOutputs(
            InferRequestedOutputTensor.newBuilder()
                .setName("y")
                .putParameters("shared_memory_region", region)
                .putParameters("shared_memory_byte_size", bytes)
                .putParameters("shared_memory_offset", bytes))
        .build();
  }
}
