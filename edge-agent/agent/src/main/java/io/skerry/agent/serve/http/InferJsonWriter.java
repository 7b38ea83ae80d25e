package io.skerry.agent.serve.http;

import com.google.gson.stream.JsonWriter;
import com.google.protobuf.ByteString;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.ByteStrings;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelInferResponse.InferOutputTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Writes an answer as JSON, with the bytes of binary outputs after it. */
final class InferJsonWriter {
  private static final String REGION = "shared_memory_region";
  private static final String BINARY_SIZE = "binary_data_size";

  private InferJsonWriter() {}

  static HttpAnswer write(ModelInferResponse response, InferJson wanted) throws PredictException {
    List<ByteBuffer> tensors = new ArrayList<>();
    List<List<String>> texts = texts(response, wanted);
    String json =
        ProtoJson.text(
            out -> {
              out.beginObject();
              if (!response.getId().isEmpty()) {
                out.name("id").value(response.getId());
              }
              out.name("model_name").value(response.getModelName());
              out.name("model_version").value(response.getModelVersion());
              parameters(out, response.getParametersMap());
              out.name("outputs").beginArray();
              for (int i = 0; i < response.getOutputsCount(); i++) {
                ByteString raw = response.getRawOutputContents(i);
                output(out, response.getOutputs(i), raw, wanted, texts.get(i), tensors);
              }
              out.endArray();
              out.endObject();
            });
    byte[] text = json.getBytes(StandardCharsets.UTF_8);
    return new HttpAnswer(200, text, tensors);
  }

  private static void output(
      JsonWriter out,
      InferOutputTensor output,
      ByteString raw,
      InferJson wanted,
      List<String> texts,
      List<ByteBuffer> tensors)
      throws IOException {
    out.beginObject();
    out.name("name").value(output.getName());
    out.name("datatype").value(output.getDatatype());
    out.name("shape").beginArray();
    for (long dimension : output.getShapeList()) {
      out.value(dimension);
    }
    out.endArray();
    Map<String, InferParameter> parameters = new TreeMap<>(output.getParametersMap());
    if (output.containsParameters(REGION)) {
      parameters(out, parameters);
    } else if (wanted.isBinary(output.getName())) {
      parameters.put(BINARY_SIZE, InferParameter.newBuilder().setInt64Param(raw.size()).build());
      parameters(out, parameters);
      tensors.add(raw.asReadOnlyByteBuffer());
    } else {
      parameters(out, parameters);
      out.name("data").beginArray();
      elements(out, ElementType.valueOf(output.getDatatype()), raw, texts);
      out.endArray();
    }
    out.endObject();
  }

  private static void elements(JsonWriter out, ElementType type, ByteString raw, List<String> texts)
      throws IOException {
    if (type == ElementType.BYTES) {
      for (String text : texts) {
        out.value(text);
      }
      return;
    }
    ByteBuffer data = raw.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    while (data.hasRemaining()) {
      switch (type) {
        case BOOL -> out.value(data.get() != 0);
        case INT8 -> out.value(data.get());
        case UINT8 -> out.value(Byte.toUnsignedInt(data.get()));
        case INT16 -> out.value(data.getShort());
        case UINT16 -> out.value(Short.toUnsignedInt(data.getShort()));
        case INT32 -> out.value(data.getInt());
        case UINT32 -> out.value(Integer.toUnsignedLong(data.getInt()));
        case INT64 -> out.value(data.getLong());
        case UINT64 -> out.jsonValue(Long.toUnsignedString(data.getLong()));
        case FP32 -> out.value(data.getFloat());
        case FP64 -> out.value(data.getDouble());
        case FP16, BF16, BYTES -> throw new IllegalStateException("refused before");
      }
    }
  }

  /** Strings of every output that is written as JSON; refuses what JSON cannot say. */
  private static List<List<String>> texts(ModelInferResponse response, InferJson wanted)
      throws PredictException {
    List<List<String>> texts = new ArrayList<>();
    for (int i = 0; i < response.getOutputsCount(); i++) {
      InferOutputTensor output = response.getOutputs(i);
      boolean json = !wanted.isBinary(output.getName()) && !output.containsParameters(REGION);
      String type = output.getDatatype();
      if (json && (type.equals("FP16") || type.equals("BF16"))) {
        throw invalid(
            "sending %s data via JSON is not supported. Please use the binary data format for output '%s'"
                .formatted(type, output.getName()));
      }
      texts.add(
          json && type.equals("BYTES")
              ? texts(output.getName(), response.getRawOutputContents(i))
              : List.of());
    }
    return texts;
  }

  private static List<String> texts(String name, ByteString raw) throws PredictException {
    List<String> texts = new ArrayList<>();
    for (byte[] element : ByteStrings.read(raw.asReadOnlyByteBuffer())) {
      try {
        texts.add(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(element)).toString());
      } catch (CharacterCodingException e) {
        throw invalid(
            "output '%s' holds bytes that are no UTF-8 text. Please use the binary data format"
                .formatted(name));
      }
    }
    return texts;
  }

  private static void parameters(JsonWriter out, Map<String, InferParameter> parameters)
      throws IOException {
    if (parameters.isEmpty()) {
      return;
    }
    out.name("parameters").beginObject();
    for (Map.Entry<String, InferParameter> entry : parameters.entrySet()) {
      out.name(entry.getKey());
      InferParameter value = entry.getValue();
      switch (value.getParameterChoiceCase()) {
        case BOOL_PARAM -> out.value(value.getBoolParam());
        case INT64_PARAM -> out.value(value.getInt64Param());
        case UINT64_PARAM -> out.jsonValue(Long.toUnsignedString(value.getUint64Param()));
        case DOUBLE_PARAM -> out.value(value.getDoubleParam());
        case STRING_PARAM, PARAMETERCHOICE_NOT_SET -> out.value(value.getStringParam());
      }
    }
    out.endObject();
  }

  private static PredictException invalid(String message) {
    return new PredictException(Code.INVALID_ARGUMENT, message);
  }
}
