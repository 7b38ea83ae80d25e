package io.skerry.agent.bench;

import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.skerry.wire.inference.SystemSharedMemoryRegisterRequest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;

/**
 * A client's shared memory, registered with an agent: the inputs lie in it one after the other, and
 * behind them there is room for each output.
 */
public final class SharedRegionFile implements AutoCloseable {
  /** What keys begin with. */
  public static final String PREFIX = "skerry_bench_";

  private static final String REGION = "bench";

  private final Path file;
  private final Arena arena;
  private final MemorySegment memory;
  private final List<Tensor> inputs;
  private final ModelInferRequest request;
  private final byte[] read;

  private SharedRegionFile(
      AgentClient client, String model, List<Tensor> inputs, Map<String, Integer> outputs)
      throws IOException {
    long given = inputs.stream().mapToLong(input -> input.data().remaining()).sum();
    long taken = outputs.values().stream().mapToLong(Integer::longValue).sum();
    this.inputs = inputs;
    this.read = new byte[(int) taken];
    this.file =
        Path.of("/dev/shm", PREFIX + ProcessHandle.current().pid() + "_" + System.nanoTime());
    this.arena = Arena.ofShared();
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), given + taken - 1);
      memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, given + taken, arena);
    }
    client
        .blocking()
        .systemSharedMemoryRegister(
            SystemSharedMemoryRegisterRequest.newBuilder()
                .setName(REGION)
                .setKey(String.valueOf(file.getFileName()))
                .setByteSize(given + taken)
                .build());
    this.request = request(model, inputs, outputs);
  }

  /**
   * Makes the file and registers it.
   *
   * @param outputs bytes of each output
   */
  public static SharedRegionFile register(
      AgentClient client, String model, List<Tensor> inputs, Map<String, Integer> outputs)
      throws IOException {
    return new SharedRegionFile(client, model, inputs, outputs);
  }

  /** One call: writes the inputs, has them predicted, reads the outputs into an array. */
  public void call(AgentClient client) {
    long at = 0;
    for (Tensor input : inputs) {
      MemorySegment source = MemorySegment.ofBuffer(input.data());
      MemorySegment.copy(source, 0, memory, at, source.byteSize());
      at += source.byteSize();
    }
    client.blocking().modelInfer(request);
    MemorySegment.copy(memory, at, MemorySegment.ofArray(read), 0, read.length);
  }

  private static ModelInferRequest request(
      String model, List<Tensor> inputs, Map<String, Integer> outputs) {
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName(model);
    long at = 0;
    for (Tensor input : inputs) {
      request.addInputs(
          InferInputTensor.newBuilder()
              .setName(input.name())
              .setDatatype(input.type().name())
              .addAllShape(input.shape())
              .putAllParameters(place(at, input.data().remaining())));
      at += input.data().remaining();
    }
    for (Map.Entry<String, Integer> output : outputs.entrySet()) {
      request.addOutputs(
          InferRequestedOutputTensor.newBuilder()
              .setName(output.getKey())
              .putAllParameters(place(at, output.getValue())));
      at += output.getValue();
    }
    return request.build();
  }

  private static Map<String, InferParameter> place(long offset, long bytes) {
    return Map.of(
        "shared_memory_region", InferParameter.newBuilder().setStringParam(REGION).build(),
        "shared_memory_byte_size", InferParameter.newBuilder().setInt64Param(bytes).build(),
        "shared_memory_offset", InferParameter.newBuilder().setInt64Param(offset).build());
  }

  @Override
  public void close() throws IOException {
    arena.close();
    Files.deleteIfExists(file);
  }
}
