package io.skerry.artifact.trust;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.skerry.protocol.ModelName;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Fields of the signed documents, each read with its type; unknown ones are left alone. */
final class TrustJson {
  /** Models that can have a floor. */
  static final int FLOORS_MAX = 4096;

  private TrustJson() {}

  static JsonObject object(byte[] json) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
      if (JsonParser.parseString(text) instanceof JsonObject object) {
        return object;
      }
    } catch (CharacterCodingException | JsonParseException e) {
      throw new IllegalArgumentException("it is no JSON", e);
    }
    throw new IllegalArgumentException("it is no JSON object");
  }

  static JsonObject object(JsonObject parent, String name) {
    if (parent.get(name) instanceof JsonObject object) {
      return object;
    }
    throw new IllegalArgumentException("field '%s' is missing or no object".formatted(name));
  }

  static String text(JsonObject object, String name) {
    if (object.get(name) instanceof JsonPrimitive value && value.isString()) {
      return value.getAsString();
    }
    throw new IllegalArgumentException("field '%s' is missing or no text".formatted(name));
  }

  /** A whole number from 1. */
  static long count(JsonObject object, String name) {
    if (object.get(name) instanceof JsonPrimitive value && value.isNumber()) {
      long count = Long.parseLong(value.getAsString());
      if (count >= 1) {
        return count;
      }
    }
    throw new IllegalArgumentException(
        "field '%s' is missing or no whole number from 1".formatted(name));
  }

  static Instant instant(JsonObject object, String name) {
    try {
      return Instant.parse(text(object, name));
    } catch (DateTimeException e) {
      throw new IllegalArgumentException("field '%s' is no time".formatted(name), e);
    }
  }

  static JsonArray array(JsonObject object, String name, int sizeMax) {
    if (object.get(name) instanceof JsonArray array && array.size() <= sizeMax) {
      return array;
    }
    throw new IllegalArgumentException(
        "field '%s' is missing or no list of at most %d".formatted(name, sizeMax));
  }

  static List<String> texts(JsonObject object, String name, int sizeMax) {
    List<String> texts = new ArrayList<>();
    for (JsonElement element : array(object, name, sizeMax)) {
      if (!(element instanceof JsonPrimitive value) || !value.isString()) {
        throw new IllegalArgumentException("field '%s' holds what is no text".formatted(name));
      }
      texts.add(value.getAsString());
    }
    return texts;
  }

  static Map<ModelName, Long> floors(JsonObject object, String name) {
    JsonObject floors = object(object, name);
    Map<ModelName, Long> read = new TreeMap<>(TrustJson::byName);
    for (String model : floors.keySet()) {
      read.put(new ModelName(model), count(floors, model));
    }
    return checkedFloors(read);
  }

  static JsonObject floors(Map<ModelName, Long> floors) {
    JsonObject object = new JsonObject();
    floors.forEach((model, counter) -> object.addProperty(model.value(), counter));
    return object;
  }

  /** A copy in the order of names, so that the same floors are written as the same bytes. */
  static Map<ModelName, Long> checkedFloors(Map<ModelName, Long> floors) {
    if (floors.size() > FLOORS_MAX) {
      throw new IllegalArgumentException(
          "%d models have a floor, at most %d can".formatted(floors.size(), FLOORS_MAX));
    }
    floors.forEach(
        (model, counter) -> {
          if (counter < 1) {
            throw new IllegalArgumentException(
                "the floor of %s is %d, counters start at 1".formatted(model, counter));
          }
        });
    Map<ModelName, Long> copy = new TreeMap<>(TrustJson::byName);
    copy.putAll(floors);
    return Collections.unmodifiableMap(copy);
  }

  private static int byName(ModelName one, ModelName other) {
    return one.value().compareTo(other.value());
  }
}
