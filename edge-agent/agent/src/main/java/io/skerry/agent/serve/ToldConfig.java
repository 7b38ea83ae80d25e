package io.skerry.agent.serve;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.wire.inference.ModelConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a client's configuration says of a model beside what it may want otherwise: clients take the
 * one that they were told, change a field and send it back. It has to be what the model has, or
 * nothing; a field that would be passed over in silence would look as if it did something.
 *
 * @param fields by name, without those that say nothing
 * @param instances what clients are told: calls of a model that run at a time
 */
record ToldConfig(Map<String, Object> fields, int instances) {
  static final ToldConfig NONE = new ToldConfig(Map.of(), 1);

  private static final Descriptor CONFIG = ModelConfig.getDescriptor();

  ToldConfig {
    fields = Map.copyOf(fields);
  }

  /** The same with a further field; one that no configuration has is refused when it is held. */
  ToldConfig with(String name, JsonElement value) {
    FieldDescriptor field = CONFIG.findFieldByName(name);
    Optional<Object> says =
        field == null ? Optional.of(name) : meaning(field, value, field.isRepeated());
    if (says.isEmpty()) {
      return this;
    }
    Map<String, Object> more = new HashMap<>(fields);
    more.put(name, says.get());
    return new ToldConfig(more, instances);
  }

  /**
   * Refuses what is not as a model has it.
   *
   * @param has the configuration that the model is told with
   */
  void requireSame(ModelConfig has) throws PredictException {
    Map<String, Object> own = fields.isEmpty() ? Map.of() : meaning(has);
    for (Map.Entry<String, Object> field : new TreeMap<>(fields).entrySet()) {
      if (!field.getValue().equals(own.get(field.getKey()))) {
        throw new PredictException(
            Code.INVALID_ARGUMENT,
            "failed to load '%s', configuration field '%s' is not what the model has, and cannot be overridden here: only max_batch_size and version_policy can"
                .formatted(has.getName(), Texts.shortened(field.getKey())));
      }
    }
  }

  private static Map<String, Object> meaning(Message message) {
    Map<String, Object> meaning = new HashMap<>();
    message
        .getAllFields()
        .forEach(
            (field, value) -> {
              if (value instanceof List<?> list) {
                meaning.put(field.getName(), list.stream().map(ToldConfig::meaning).toList());
              } else if (!(value instanceof Message nested) || !meaning(nested).isEmpty()) {
                meaning.put(field.getName(), meaning(value));
              }
            });
    return meaning;
  }

  private static Object meaning(Object value) {
    return switch (value) {
      case Message message -> meaning(message);
      case EnumValueDescriptor name -> name.getName();
      default -> String.valueOf(value);
    };
  }

  /** Empty for what is there unless somebody says otherwise. */
  private static Optional<Object> meaning(
      FieldDescriptor field, JsonElement value, boolean several) {
    if (value.isJsonNull()) {
      return Optional.empty();
    }
    if (value.isJsonArray()) {
      List<Object> elements = new ArrayList<>();
      for (JsonElement element : value.getAsJsonArray()) {
        elements.add(meaning(field, element, false).orElseGet(() -> nothing(field)));
      }
      return elements.isEmpty() ? Optional.empty() : Optional.of(elements);
    }
    if (value.isJsonObject()) {
      Object object =
          field.getJavaType() == FieldDescriptor.JavaType.MESSAGE && !several
              ? meaning(field.getMessageType(), value.getAsJsonObject())
              : value.getAsJsonObject().asMap();
      return object.equals(Map.of()) ? Optional.empty() : Optional.of(object);
    }
    JsonPrimitive plain = value.getAsJsonPrimitive();
    return plain.getAsString().equals(nothing(field))
        ? Optional.empty()
        : Optional.of(plain.getAsString());
  }

  private static Map<String, Object> meaning(Descriptor type, JsonObject object) {
    Map<String, Object> meaning = new HashMap<>();
    for (Map.Entry<String, JsonElement> entry : object.entrySet()) {
      FieldDescriptor field = type.findFieldByName(entry.getKey());
      if (field == null) {
        meaning.put(entry.getKey(), entry.getValue());
      } else {
        meaning(field, entry.getValue(), field.isRepeated())
            .ifPresent(says -> meaning.put(entry.getKey(), says));
      }
    }
    return meaning;
  }

  private static Object nothing(FieldDescriptor field) {
    return switch (field.getJavaType()) {
      case MESSAGE -> Map.of();
      case ENUM -> field.getEnumType().getValues().getFirst().getName();
      case BOOLEAN -> "false";
      case STRING, BYTE_STRING -> "";
      case INT, LONG, FLOAT, DOUBLE -> "0";
    };
  }
}
