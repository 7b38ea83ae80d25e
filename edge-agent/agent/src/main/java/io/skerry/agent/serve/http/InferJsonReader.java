package io.skerry.agent.serve.http;

import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import com.google.protobuf.UnsafeByteOperations;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a prediction that is wanted over HTTP:
 *
 * <pre>{@code
 * {"id", "parameters": {...},
 *  "inputs": [{"name", "shape", "datatype", "parameters": {"binary_data_size"}, "data": [...]}],
 *  "outputs": [{"name", "parameters": {"binary_data", "classification", ...}}]}
 * }</pre>
 *
 * and after it, in order, the bytes of every input with a {@code binary_data_size}.
 *
 * <p>The text is read twice: once for everything but {@code data}, then for {@code data} alone,
 * whose elements go straight into tensors. So a request never costs many times its size.
 */
final class InferJsonReader {
  private static final int TENSORS_MAX = 1_024;
  private static final int PARAMETERS_MAX = 256;
  private static final String BINARY_SIZE = "binary_data_size";
  private static final String BINARY = "binary_data";
  private static final String BINARY_BY_DEFAULT = "binary_data_output";

  private final ByteBuffer json;
  private final ModelInferRequest.Builder request = ModelInferRequest.newBuilder();
  private final List<InferInputTensor.Builder> inputs = new ArrayList<>();
  private final List<Boolean> hasData = new ArrayList<>();
  private final Map<String, Boolean> binary = new HashMap<>();
  private boolean binaryByDefault;

  private InferJsonReader(ByteBuffer json) {
    this.json = json;
  }

  static InferJson read(String model, String version, ByteBuffer json, ByteBuffer tensors)
      throws PredictException {
    InferJsonReader reader = new InferJsonReader(json);
    reader.request.setModelName(model).setModelVersion(version);
    JsonSyntax.requireObject(json);
    try {
      reader.readAllButData();
      List<ByteBuffer> data = reader.hasData.contains(true) ? reader.readData() : List.of();
      reader.place(data, tensors);
    } catch (MalformedJsonException | JsonParseException e) {
      throw invalid("failed to parse the request JSON: " + e.getMessage());
    } catch (CharacterCodingException e) {
      throw invalid("failed to parse the request JSON: it is no UTF-8");
    } catch (IOException e) {
      throw invalid("failed to parse the request JSON: it ends too early");
    } catch (IllegalStateException | NumberFormatException e) {
      throw invalid("failed to parse the request JSON: " + e.getMessage());
    }
    return new InferJson(reader.request.build(), reader.binaryByDefault, reader.binary);
  }

  private JsonReader open() {
    JsonReader reader =
        new JsonReader(
            new InputStreamReader(
                new ByteArrayInputStream(
                    json.array(), json.arrayOffset() + json.position(), json.remaining()),
                StandardCharsets.UTF_8.newDecoder()));
    // For not-a-number and infinity; what else would be lenient was refused before.
    reader.setStrictness(Strictness.LENIENT);
    return reader;
  }

  private void readAllButData() throws IOException, PredictException {
    JsonReader in = open();
    in.beginObject();
    while (in.hasNext()) {
      switch (in.nextName()) {
        case "id" -> request.setId(in.nextString());
        case "parameters" -> requestParameters(in);
        case "inputs" -> {
          in.beginArray();
          while (in.hasNext()) {
            input(in);
          }
          in.endArray();
        }
        case "outputs" -> {
          in.beginArray();
          while (in.hasNext()) {
            output(in);
          }
          in.endArray();
        }
        default -> in.skipValue();
      }
    }
    in.endObject();
    if (in.peek() != JsonToken.END_DOCUMENT) {
      throw invalid("failed to parse the request JSON: there is more after its end");
    }
  }

  private void requestParameters(JsonReader in) throws IOException, PredictException {
    for (Map.Entry<String, InferParameter> entry : parameters(in).entrySet()) {
      if (entry.getKey().equals(BINARY_BY_DEFAULT)) {
        binaryByDefault = flag(entry.getKey(), entry.getValue());
      } else {
        request.putParameters(entry.getKey(), entry.getValue());
      }
    }
  }

  private void input(JsonReader in) throws IOException, PredictException {
    InferInputTensor.Builder input = InferInputTensor.newBuilder();
    boolean data = false;
    in.beginObject();
    while (in.hasNext()) {
      switch (in.nextName()) {
        case "name" -> input.setName(in.nextString());
        case "datatype" -> input.setDatatype(in.nextString());
        case "shape" -> {
          in.beginArray();
          while (in.hasNext() && input.getShapeCount() <= TENSORS_MAX) {
            input.addShape(in.nextLong());
          }
          in.endArray();
        }
        case "parameters" -> input.putAllParameters(parameters(in));
        case "data" -> {
          data = true;
          in.skipValue();
        }
        default -> in.skipValue();
      }
    }
    in.endObject();
    inputs.add(input);
    hasData.add(data);
    requireFew("inputs", inputs.size());
  }

  private void output(JsonReader in) throws IOException, PredictException {
    InferRequestedOutputTensor.Builder output = InferRequestedOutputTensor.newBuilder();
    in.beginObject();
    while (in.hasNext()) {
      switch (in.nextName()) {
        case "name" -> output.setName(in.nextString());
        case "parameters" -> output.putAllParameters(parameters(in));
        default -> in.skipValue();
      }
    }
    in.endObject();
    InferParameter wanted = output.getParametersMap().get(BINARY);
    if (wanted != null) {
      binary.put(output.getName(), flag(BINARY, wanted));
      output.removeParameters(BINARY);
    }
    request.addOutputs(output);
    requireFew("outputs", request.getOutputsCount());
  }

  private static Map<String, InferParameter> parameters(JsonReader in)
      throws IOException, PredictException {
    Map<String, InferParameter> parameters = new HashMap<>();
    in.beginObject();
    while (in.hasNext()) {
      String name = in.nextName();
      InferParameter.Builder value = InferParameter.newBuilder();
      switch (in.peek()) {
        case BOOLEAN -> value.setBoolParam(in.nextBoolean());
        case STRING -> value.setStringParam(in.nextString());
        case NUMBER -> number(name, in.nextString(), value);
        case BEGIN_ARRAY, END_ARRAY, BEGIN_OBJECT, END_OBJECT, NAME, NULL, END_DOCUMENT ->
            throw invalid(
                "parameter '%s' is neither a bool, a number nor a string".formatted(name));
      }
      parameters.put(name, value.build());
      if (parameters.size() > PARAMETERS_MAX) {
        throw invalid("there are more than %d parameters".formatted(PARAMETERS_MAX));
      }
    }
    in.endObject();
    return parameters;
  }

  private static void number(String name, String text, InferParameter.Builder value)
      throws PredictException {
    try {
      value.setInt64Param(Long.parseLong(text));
    } catch (NumberFormatException notLong) {
      try {
        value.setUint64Param(Long.parseUnsignedLong(text));
      } catch (NumberFormatException notInteger) {
        double number = Double.parseDouble(text);
        if (Double.isInfinite(number)) {
          throw invalid("parameter '%s' is %s, which no double holds".formatted(name, text));
        }
        value.setDoubleParam(number);
      }
    }
  }

  private static boolean flag(String name, InferParameter value) throws PredictException {
    if (value.getParameterChoiceCase() != InferParameter.ParameterChoiceCase.BOOL_PARAM) {
      throw invalid("parameter '%s' must be a bool".formatted(name));
    }
    return value.getBoolParam();
  }

  private static void requireFew(String what, int count) throws PredictException {
    if (count > TENSORS_MAX) {
      throw invalid("there are more than %d %s".formatted(TENSORS_MAX, what));
    }
  }

  /** One buffer per input; an empty one for an input without data. */
  private List<ByteBuffer> readData() throws IOException, PredictException {
    List<ByteBuffer> data = new ArrayList<>();
    JsonReader in = open();
    in.beginObject();
    while (in.hasNext()) {
      if (!in.nextName().equals("inputs")) {
        in.skipValue();
        continue;
      }
      in.beginArray();
      while (in.hasNext()) {
        ByteBuffer elements = ByteBuffer.allocate(0);
        in.beginObject();
        while (in.hasNext()) {
          if (in.nextName().equals("data") && data.size() < inputs.size()) {
            elements = JsonElements.read(in, inputs.get(data.size()), json.remaining());
          } else {
            in.skipValue();
          }
        }
        in.endObject();
        data.add(elements);
      }
      in.endArray();
    }
    in.endObject();
    return data;
  }

  private void place(List<ByteBuffer> data, ByteBuffer tensors) throws PredictException {
    ByteBuffer rest = tensors.duplicate();
    for (int i = 0; i < inputs.size(); i++) {
      InferInputTensor.Builder input = inputs.get(i);
      InferParameter size = input.getParametersMap().get(BINARY_SIZE);
      input.removeParameters(BINARY_SIZE);
      if (size != null) {
        if (hasData.get(i)) {
          throw invalid("input '%s' has both data and %s".formatted(input.getName(), BINARY_SIZE));
        }
        long bytes = size.getInt64Param();
        if (size.getParameterChoiceCase() != InferParameter.ParameterChoiceCase.INT64_PARAM
            || bytes < 0
            || bytes > rest.remaining()) {
          throw invalid(
              "input '%s' has %s %s, but %d bytes are left in the request"
                  .formatted(input.getName(), BINARY_SIZE, bytes, rest.remaining()));
        }
        ByteBuffer own = rest.slice(rest.position(), (int) bytes);
        rest.position(rest.position() + (int) bytes);
        request.addRawInputContents(UnsafeByteOperations.unsafeWrap(own));
      } else if (hasData.get(i)) {
        request.addRawInputContents(UnsafeByteOperations.unsafeWrap(data.get(i)));
      }
      request.addInputs(input);
    }
    if (rest.hasRemaining()) {
      throw invalid(
          "unexpected additional input data for model '%s': %d bytes"
              .formatted(request.getModelName(), rest.remaining()));
    }
  }

  static PredictException invalid(String message) {
    return new PredictException(Code.INVALID_ARGUMENT, message);
  }
}
