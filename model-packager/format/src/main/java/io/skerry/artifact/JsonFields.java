package io.skerry.artifact;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * A JSON object from elsewhere: every field is read with its type, or the artifact is malformed.
 */
final class JsonFields {
  private static final int LIST_MAX = 4096;

  private final String where;
  private final JsonObject object;

  private JsonFields(String where, JsonObject object) {
    this.where = where;
    this.object = object;
  }

  static JsonFields parse(String where, byte[] json) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
      return parse(where, text);
    } catch (CharacterCodingException e) {
      throw new ArtifactException(ErrorCode.ARTIFACT_MALFORMED, where + " is not UTF-8", e);
    }
  }

  static JsonFields parse(String where, String json) {
    try {
      if (JsonParser.parseString(json) instanceof JsonObject object) {
        return new JsonFields(where, object);
      }
    } catch (JsonParseException | IllegalStateException e) {
      throw new ArtifactException(ErrorCode.ARTIFACT_MALFORMED, where + " is no JSON", e);
    }
    throw new ArtifactException(ErrorCode.ARTIFACT_MALFORMED, where + " is no JSON object");
  }

  boolean has(String name) {
    return object.has(name);
  }

  String text(String name) {
    if (object.get(name) instanceof JsonPrimitive element && element.isString()) {
      return element.getAsString();
    }
    throw fault(name, "is missing or no text");
  }

  long integer(String name) {
    try {
      if (object.get(name) instanceof JsonPrimitive element && element.isNumber()) {
        return Long.parseLong(element.getAsString());
      }
    } catch (NumberFormatException e) {
      throw fault(name, "is no whole number");
    }
    throw fault(name, "is missing or no number");
  }

  double number(String name) {
    try {
      if (object.get(name) instanceof JsonPrimitive element && element.isNumber()) {
        return Double.parseDouble(element.getAsString());
      }
    } catch (NumberFormatException e) {
      throw fault(name, "is no number");
    }
    throw fault(name, "is missing or no number");
  }

  Digest digest(String name) {
    return parsed(name, text(name), Digest::parse);
  }

  <T> T parsed(String name, Function<String, T> parser) {
    return parsed(name, text(name), parser);
  }

  private <T> T parsed(String name, String text, Function<String, T> parser) {
    try {
      return parser.apply(text);
    } catch (IllegalArgumentException e) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED,
          "%s: field '%s' is unreadable: %s".formatted(where, name, e.getMessage()),
          e);
    }
  }

  JsonFields fields(String name) {
    if (object.get(name) instanceof JsonObject inner) {
      return new JsonFields(where + ": " + name, inner);
    }
    throw fault(name, "is missing or no object");
  }

  List<JsonFields> list(String name) {
    List<JsonFields> list = new ArrayList<>();
    for (JsonElement element : array(name)) {
      if (!(element instanceof JsonObject inner)) {
        throw fault(name, "holds something that is no object");
      }
      list.add(new JsonFields(where + ": " + name, inner));
    }
    return list;
  }

  List<Long> integers(String name) {
    List<Long> integers = new ArrayList<>();
    try {
      for (JsonElement element : array(name)) {
        integers.add(Long.parseLong(element.getAsString()));
      }
      return integers;
    } catch (IllegalStateException | IllegalArgumentException | UnsupportedOperationException e) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED,
          "%s: field '%s' holds something that is no whole number".formatted(where, name),
          e);
    }
  }

  private JsonArray array(String name) {
    if (object.get(name) instanceof JsonArray array && array.size() <= LIST_MAX) {
      return array;
    }
    throw fault(name, "is missing or no list of at most %d".formatted(LIST_MAX));
  }

  void expect(String name, String expected) {
    String found = text(name);
    if (!found.equals(expected)) {
      throw fault(name, "is not '%s'".formatted(expected));
    }
  }

  ArtifactException fault(String name, String fault) {
    return new ArtifactException(
        ErrorCode.ARTIFACT_MALFORMED, "%s: field '%s' %s".formatted(where, name, fault));
  }
}
