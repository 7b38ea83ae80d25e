package io.skerry.agent.serve;

import com.google.protobuf.ByteString;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.serve.memory.SharedMemory;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.ByteStrings;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Reads a request's tensors: raw, typed, or from shared memory. */
final class WireInputs {
  private static final int INPUTS_MAX = 1_024;
  private static final int DIMENSIONS_MAX = 16;
  private static final Map<String, ElementType> TYPES = new HashMap<>();

  static {
    for (ElementType type : ElementType.values()) {
      TYPES.put(type.name(), type);
    }
  }

  private WireInputs() {}

  /** Whether tensors came as typed lists; the answer then comes the same way. */
  static boolean isTyped(ModelInferRequest request) {
    return request.getRawInputContentsCount() == 0
        && request.getInputsList().stream().anyMatch(InferInputTensor::hasContents);
  }

  /**
   * Bytes of the tensors of a request that can be read, whatever carries them; told without reading
   * them, and without garbage.
   */
  static long bytes(ModelInferRequest request) {
    long bytes = 0;
    for (int i = 0; i < request.getRawInputContentsCount(); i++) {
      bytes += request.getRawInputContents(i).size();
    }
    for (int i = 0; i < request.getInputsCount(); i++) {
      InferInputTensor input = request.getInputs(i);
      long more = input.hasContents() ? typedBytes(input) : MemoryRange.bytes(input);
      bytes = more > Long.MAX_VALUE - bytes ? Long.MAX_VALUE : bytes + more;
    }
    return bytes;
  }

  private static long typedBytes(InferInputTensor input) {
    ElementType type = TYPES.get(input.getDatatype());
    if (type == null || type == ElementType.BYTES) {
      return input.getContents().getSerializedSize();
    }
    long bytes = type.bytes();
    for (int i = 0; i < input.getShapeCount(); i++) {
      long dimension = Math.max(0, input.getShape(i));
      bytes = Math.multiplyHigh(bytes, dimension) == 0 ? bytes * dimension : -1;
      if (bytes < 0) {
        return Long.MAX_VALUE;
      }
    }
    return bytes;
  }

  /** The tensors, in the scope's memory. */
  static List<Tensor> read(ModelInferRequest request, SharedMemory memory, RunScope scope)
      throws PredictException {
    int raws = request.getRawInputContentsCount();
    if (request.getInputsCount() > INPUTS_MAX) {
      throw invalid(
          "expected at most %d inputs but got %d for model '%s'"
              .formatted(INPUTS_MAX, request.getInputsCount(), model(request)));
    }
    List<Tensor> tensors = new ArrayList<>(request.getInputsCount());
    int next = 0;
    for (int i = 0; i < request.getInputsCount(); i++) {
      InferInputTensor input = request.getInputs(i);
      Optional<MemoryRange> shared =
          input.getParametersCount() == 0
              ? Optional.empty()
              : MemoryRange.of("input '" + name(input) + "'", input.getParametersMap(), memory);
      ElementType type = type(input);
      long elements = elements(input);
      ByteBuffer data;
      if (shared.isPresent()) {
        if (input.hasContents()) {
          throw invalid(
              "contents field must not be specified when using shared memory for '%s' for model '%s'"
                  .formatted(name(input), model(request)));
        }
        data = shared(request, input, type, elements, shared.get(), scope);
      } else if (raws > 0) {
        if (input.hasContents()) {
          throw invalid(
              "contents field must not be specified when using raw_input_contents for '%s' for model '%s'"
                  .formatted(name(input), model(request)));
        }
        if (next == raws) {
          throw noData(request, input);
        }
        // Inputs in shared memory have no entry, so entries are counted, not indexed.
        data = raw(request, input, type, elements, request.getRawInputContents(next++), scope);
      } else if (input.hasContents()) {
        data = TypedContents.read(input, type, elements, scope);
      } else {
        throw noData(request, input);
      }
      tensors.add(new Tensor(input.getName(), type, input.getShapeList(), data));
    }
    if (next != raws) {
      throw invalid(
          "expected %d raw input contents but got %d for model '%s'"
              .formatted(next, raws, model(request)));
    }
    return tensors;
  }

  private static ElementType type(InferInputTensor input) throws PredictException {
    ElementType type = TYPES.get(input.getDatatype());
    if (type == null) {
      throw invalid(
          "input '%s' has data-type '%s', which is none of the protocol's"
              .formatted(name(input), Texts.shortened(input.getDatatype())));
    }
    return type;
  }

  private static long elements(InferInputTensor input) throws PredictException {
    if (input.getShapeCount() > DIMENSIONS_MAX) {
      throw invalid(
          "input '%s' has invalid shape: %d dimensions, at most %d are taken"
              .formatted(name(input), input.getShapeCount(), DIMENSIONS_MAX));
    }
    long elements = 1;
    for (long dimension : input.getShapeList()) {
      if (dimension < 0) {
        throw invalid(
            "input '%s' has invalid shape %s".formatted(name(input), input.getShapeList()));
      }
      // The product of what a message can hold is far below; more is no honest shape.
      elements = Math.multiplyHigh(elements, dimension) == 0 ? elements * dimension : -1;
      if (elements < 0 || elements > Integer.MAX_VALUE) {
        throw invalid(
            "input '%s' has too large a shape %s".formatted(name(input), input.getShapeList()));
      }
    }
    return elements;
  }

  private static ByteBuffer raw(
      ModelInferRequest request,
      InferInputTensor input,
      ElementType type,
      long elements,
      ByteString bytes,
      RunScope scope)
      throws PredictException {
    requireSize(request, input, type, elements, bytes.size());
    ByteBuffer data = scope.take(bytes.size());
    bytes.copyTo(data);
    return checked(input, type, elements, data.flip());
  }

  private static ByteBuffer shared(
      ModelInferRequest request,
      InferInputTensor input,
      ElementType type,
      long elements,
      MemoryRange range,
      RunScope scope)
      throws PredictException {
    requireSize(request, input, type, elements, range.bytes());
    if (range.bytes() > Integer.MAX_VALUE) {
      throw invalid(
          "input '%s' has %d bytes, a tensor holds %d"
              .formatted(name(input), range.bytes(), Integer.MAX_VALUE));
    }
    ByteBuffer data = scope.take((int) range.bytes());
    range.read(data);
    return checked(input, type, elements, data);
  }

  private static void requireSize(
      ModelInferRequest request, InferInputTensor input, ElementType type, long elements, long got)
      throws PredictException {
    if (type != ElementType.BYTES && got != elements * type.bytes()) {
      throw invalid(
          "input byte size mismatch for input '%s' for model '%s': %s of shape %s needs %d, got %d"
              .formatted(
                  name(input),
                  model(request),
                  type,
                  input.getShapeList(),
                  elements * type.bytes(),
                  got));
    }
  }

  private static ByteBuffer checked(
      InferInputTensor input, ElementType type, long elements, ByteBuffer data)
      throws PredictException {
    if (type == ElementType.BYTES) {
      OptionalLong count = ByteStrings.count(data);
      if (count.isEmpty()) {
        throw invalid(
            "incomplete string data for inference input '%s': its last string is cut off"
                .formatted(name(input)));
      }
      if (count.getAsLong() != elements) {
        throw invalid(
            "unexpected number of string elements %d for inference input '%s', expecting %d"
                .formatted(count.getAsLong(), name(input), elements));
      }
    }
    return data;
  }

  private static PredictException noData(ModelInferRequest request, InferInputTensor input) {
    return invalid(
        "unable to find data for input tensor '%s' for model '%s' in request."
            .formatted(name(input), model(request)));
  }

  private static String name(InferInputTensor input) {
    return Texts.shortened(input.getName());
  }

  private static String model(ModelInferRequest request) {
    return Texts.shortened(request.getModelName());
  }

  private static PredictException invalid(String message) {
    return new PredictException(PredictException.Code.INVALID_ARGUMENT, message);
  }
}
