package io.skerry.artifact;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.protocol.ErrorCode;
import java.util.ArrayList;
import java.util.List;

/** A model signature as JSON: {@code {"inputs":[{"name","type","shape"}],"outputs":[...]}}. */
final class TensorsJson {
  private static final int TENSORS_MAX = 256;
  private static final int DIMENSIONS_MAX = 16;

  private TensorsJson() {}

  static String write(ModelSignature signature) {
    JsonObject object = new JsonObject();
    object.add("inputs", array(signature.inputs()));
    object.add("outputs", array(signature.outputs()));
    return object.toString();
  }

  private static JsonArray array(List<TensorSpec> specs) {
    JsonArray array = new JsonArray();
    for (TensorSpec spec : specs) {
      JsonObject object = new JsonObject();
      object.addProperty("name", spec.name());
      object.addProperty("type", spec.type().name());
      object.add("shape", dimensions(spec.shape()));
      array.add(object);
    }
    return array;
  }

  static JsonArray dimensions(List<Long> shape) {
    JsonArray dimensions = new JsonArray();
    shape.forEach(dimensions::add);
    return dimensions;
  }

  static ModelSignature read(String json) {
    JsonFields fields = JsonFields.parse("model signature", json);
    return new ModelSignature(specs(fields.list("inputs")), specs(fields.list("outputs")));
  }

  private static List<TensorSpec> specs(List<JsonFields> list) {
    if (list.isEmpty() || list.size() > TENSORS_MAX) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED,
          "model signature has %d tensors, expected 1 to %d".formatted(list.size(), TENSORS_MAX));
    }
    List<TensorSpec> specs = new ArrayList<>();
    for (JsonFields fields : list) {
      specs.add(new TensorSpec(fields.text("name"), type(fields), shape(fields)));
    }
    return specs;
  }

  static ElementType type(JsonFields fields) {
    return fields.parsed("type", ElementType::valueOf);
  }

  static List<Long> shape(JsonFields fields) {
    List<Long> shape = fields.integers("shape");
    if (shape.size() > DIMENSIONS_MAX
        || shape.stream().anyMatch(size -> size < -1 || size > Integer.MAX_VALUE)) {
      throw fields.fault("shape", "has impossible dimensions");
    }
    return shape;
  }
}
