package io.skerry.runtime.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import io.skerry.runtime.ByteStrings;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** BYTES tensors as ONNX Runtime's strings, which are UTF-8 in its Java binding. */
final class OnnxStrings {
  private OnnxStrings() {}

  static OnnxTensor tensor(OrtEnvironment environment, Tensor tensor, long[] shape)
      throws OrtException, EngineException {
    List<byte[]> elements = ByteStrings.read(tensor.data());
    if (elements.size() != Tensor.elements(tensor.shape())) {
      throw new EngineException(
          Reason.INPUT_INVALID,
          "input '%s' of shape %s has %d elements"
              .formatted(tensor.name(), tensor.shape(), elements.size()));
    }
    String[] texts = new String[elements.size()];
    for (int i = 0; i < texts.length; i++) {
      try {
        // Strict: a replaced byte would be another string than the one that was sent.
        texts[i] =
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(elements.get(i))).toString();
      } catch (CharacterCodingException e) {
        throw new EngineException(
            Reason.INPUT_INVALID,
            "element %d of input '%s' is no UTF-8 text, which ONNX Runtime's strings are"
                .formatted(i, tensor.name()),
            e);
      }
    }
    return OnnxTensor.createTensor(environment, texts, shape);
  }

  static ByteBuffer data(OnnxTensor made) throws OrtException {
    List<byte[]> elements = new ArrayList<>();
    if (Tensor.elements(Arrays.stream(made.getInfo().getShape()).boxed().toList()) > 0) {
      flatten(made.getValue(), elements);
    }
    return ByteStrings.write(elements);
  }

  // The binding nests arrays as deep as the tensor has dimensions.
  private static void flatten(Object value, List<byte[]> elements) {
    if (value instanceof Object[] values) {
      for (Object inner : values) {
        flatten(inner, elements);
      }
    } else {
      elements.add(((String) value).getBytes(StandardCharsets.UTF_8));
    }
  }
}
