package io.skerry.agent.serve;

import com.google.protobuf.ByteString;
import io.skerry.agent.model.PredictException;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.InferTensorContents;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Reads a request's tensors, raw or typed. */
final class WireInputs {
  private static final int DIMENSIONS_MAX = 16;

  private WireInputs() {}

  /** Whether tensors came as typed lists; the answer then comes the same way. */
  static boolean isTyped(ModelInferRequest request) {
    return request.getRawInputContentsCount() == 0
        && request.getInputsList().stream().anyMatch(InferInputTensor::hasContents);
  }

  static List<Tensor> read(ModelInferRequest request) throws PredictException {
    boolean raw = request.getRawInputContentsCount() > 0;
    if (raw && request.getRawInputContentsCount() > request.getInputsCount()) {
      throw invalid(
          "expected %d raw input contents but got %d for model '%s'"
              .formatted(
                  request.getInputsCount(),
                  request.getRawInputContentsCount(),
                  request.getModelName()));
    }
    List<Tensor> tensors = new ArrayList<>(request.getInputsCount());
    for (int i = 0; i < request.getInputsCount(); i++) {
      InferInputTensor input = request.getInputs(i);
      if (input.containsParameters("shared_memory_region")) {
        throw invalid(
            "input '%s' names a shared memory region: this agent offers none"
                .formatted(input.getName()));
      }
      ElementType type = type(input);
      long elements = elements(input);
      if (raw && input.hasContents()) {
        throw invalid(
            "contents field must not be specified when using raw_input_contents for '%s' for model '%s'"
                .formatted(input.getName(), request.getModelName()));
      }
      boolean hasData = raw ? i < request.getRawInputContentsCount() : input.hasContents();
      if (!hasData) {
        throw invalid(
            "unable to find data for input tensor '%s' for model '%s' in request."
                .formatted(input.getName(), request.getModelName()));
      }
      ByteBuffer data =
          raw ? raw(request, i, type, elements) : typed(input, type, Math.toIntExact(elements));
      tensors.add(new Tensor(input.getName(), type, input.getShapeList(), data));
    }
    return tensors;
  }

  private static ElementType type(InferInputTensor input) throws PredictException {
    try {
      ElementType type = ElementType.valueOf(input.getDatatype());
      if (type != ElementType.BYTES) {
        return type;
      }
    } catch (IllegalArgumentException unknown) {
      // Falls through to the one answer for both.
    }
    throw invalid(
        "input '%s' has data-type '%s', which this agent does not carry"
            .formatted(input.getName(), input.getDatatype()));
  }

  private static long elements(InferInputTensor input) throws PredictException {
    long elements = 1;
    for (long dimension : input.getShapeList()) {
      if (dimension < 0 || input.getShapeCount() > DIMENSIONS_MAX) {
        throw invalid(
            "input '%s' has invalid shape %s".formatted(input.getName(), input.getShapeList()));
      }
      // The product of what a message can hold is far below; more is no honest shape.
      elements = Math.multiplyHigh(elements, dimension) == 0 ? elements * dimension : -1;
      if (elements < 0 || elements > Integer.MAX_VALUE) {
        throw invalid(
            "input '%s' has too large a shape %s".formatted(input.getName(), input.getShapeList()));
      }
    }
    return elements;
  }

  private static ByteBuffer raw(
      ModelInferRequest request, int index, ElementType type, long elements)
      throws PredictException {
    ByteString bytes = request.getRawInputContents(index);
    if (bytes.size() != elements * type.bytes()) {
      InferInputTensor input = request.getInputs(index);
      throw invalid(
          "input byte size mismatch for input '%s' for model '%s': %s of shape %s needs %d, got %d"
              .formatted(
                  input.getName(),
                  request.getModelName(),
                  type,
                  input.getShapeList(),
                  elements * type.bytes(),
                  bytes.size()));
    }
    ByteBuffer data = direct(bytes.size());
    bytes.copyTo(data);
    return data.flip();
  }

  private static ByteBuffer typed(InferInputTensor input, ElementType type, int elements)
      throws PredictException {
    InferTensorContents contents = input.getContents();
    int given =
        switch (type) {
          case BOOL -> contents.getBoolContentsCount();
          case INT8, INT16, INT32 -> contents.getIntContentsCount();
          case UINT8 -> contents.getUintContentsCount();
          case INT64 -> contents.getInt64ContentsCount();
          case FP32 -> contents.getFp32ContentsCount();
          case FP64 -> contents.getFp64ContentsCount();
          case FP16, BF16, BYTES ->
              throw invalid(
                  "input '%s' is %s: send it in raw_input_contents"
                      .formatted(input.getName(), type));
        };
    if (given != elements) {
      throw invalid(
          "input '%s' of shape %s needs %d elements of %s, got %d"
              .formatted(input.getName(), input.getShapeList(), elements, type, given));
    }
    ByteBuffer data = direct(Math.multiplyExact(elements, type.bytes()));
    for (int i = 0; i < elements; i++) {
      switch (type) {
        case BOOL -> data.put((byte) (contents.getBoolContents(i) ? 1 : 0));
        case INT8 -> data.put((byte) contents.getIntContents(i));
        case UINT8 -> data.put((byte) contents.getUintContents(i));
        case INT16 -> data.putShort((short) contents.getIntContents(i));
        case INT32 -> data.putInt(contents.getIntContents(i));
        case INT64 -> data.putLong(contents.getInt64Contents(i));
        case FP32 -> data.putFloat(contents.getFp32Contents(i));
        case FP64 -> data.putDouble(contents.getFp64Contents(i));
        case FP16, BF16, BYTES -> throw new IllegalStateException("refused above");
      }
    }
    return data.flip();
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static PredictException invalid(String message) {
    return new PredictException(PredictException.Code.INVALID_ARGUMENT, message);
  }
}
