package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.serve.memory.SharedMemory;
import io.skerry.agent.serve.memory.SharedRegion;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.InferParameter.ParameterChoiceCase;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;

/**
 * Where a tensor lies in shared memory.
 *
 * @param offset in the region
 * @param bytes room for the tensor
 */
record MemoryRange(SharedRegion region, long offset, long bytes) {
  static final String REGION = "shared_memory_region";
  static final String BYTE_SIZE = "shared_memory_byte_size";
  static final String OFFSET = "shared_memory_offset";

  /**
   * Reads a tensor's parameters.
   *
   * @param what the tensor, for the message
   * @return empty when it lies in no shared memory
   */
  static Optional<MemoryRange> of(
      String what, Map<String, InferParameter> parameters, SharedMemory memory)
      throws PredictException {
    if (parameters.isEmpty()) {
      return Optional.empty();
    }
    InferParameter region = parameters.get(REGION);
    if (region == null) {
      if (parameters.containsKey(BYTE_SIZE) || parameters.containsKey(OFFSET)) {
        throw invalid("%s has shared memory parameters without '%s'".formatted(what, REGION));
      }
      return Optional.empty();
    }
    if (region.getParameterChoiceCase() != ParameterChoiceCase.STRING_PARAM) {
      throw invalid(
          "invalid value type for '%s' parameter of %s, expected string_param."
              .formatted(REGION, what));
    }
    InferParameter bytes = parameters.get(BYTE_SIZE);
    if (bytes == null) {
      throw invalid(
          "'%s' must be specified along with '%s' for %s".formatted(BYTE_SIZE, REGION, what));
    }
    InferParameter offset = parameters.get(OFFSET);
    MemoryRange range =
        new MemoryRange(
            memory.region(region.getStringParam()),
            offset == null ? 0 : number(what, OFFSET, offset),
            number(what, BYTE_SIZE, bytes));
    range.region.requireInside(range.offset, range.bytes);
    return Optional.of(range);
  }

  /** Bytes of an input that lies in shared memory, as it says itself; 0 for any other. */
  static long bytes(InferInputTensor input) {
    if (input.getParametersCount() == 0) {
      return 0;
    }
    InferParameter bytes =
        input.getParametersOrDefault(BYTE_SIZE, InferParameter.getDefaultInstance());
    // Who says less than nothing is refused when it is read.
    return Math.max(0, bytes.hasUint64Param() ? bytes.getUint64Param() : bytes.getInt64Param());
  }

  /** Copies bytes from the beginning of the range. */
  void read(ByteBuffer target) throws PredictException {
    region.read(offset, target);
  }

  /** Copies bytes to the beginning of the range. */
  void write(ByteBuffer source) throws PredictException {
    region.write(offset, source);
  }

  private static long number(String what, String name, InferParameter value)
      throws PredictException {
    return switch (value.getParameterChoiceCase()) {
      case INT64_PARAM -> value.getInt64Param();
      case UINT64_PARAM -> value.getUint64Param();
      case BOOL_PARAM, STRING_PARAM, DOUBLE_PARAM, PARAMETERCHOICE_NOT_SET ->
          throw invalid(
              "invalid value type for '%s' parameter of %s, expected int64_param."
                  .formatted(name, what));
    };
  }

  private static PredictException invalid(String message) {
    return new PredictException(PredictException.Code.INVALID_ARGUMENT, message);
  }
}
