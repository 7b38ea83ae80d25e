package io.skerry.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Locale;
import java.util.Optional;

/** Reads fields of API documents that may lack them, and writes documents. */
final class Json {
  private static final Gson PRETTY =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().serializeNulls().create();

  private Json() {}

  /** The text of the field at a dotted path; a dash when it is absent. */
  static String text(JsonObject document, String path) {
    return find(document, path).map(Json::plain).orElse("-");
  }

  /** The field at a dotted path. */
  static Optional<JsonElement> find(JsonObject document, String path) {
    JsonElement current = document;
    for (String name : path.split("\\.")) {
      if (current instanceof JsonArray array && !array.isEmpty()) {
        current = array.get(0);
      }
      if (!(current instanceof JsonObject object) || !object.has(name)) {
        return Optional.empty();
      }
      current = object.get(name);
    }
    return current.isJsonNull() ? Optional.empty() : Optional.of(current);
  }

  static JsonArray array(JsonObject document, String path) {
    return find(document, path)
        .filter(JsonElement::isJsonArray)
        .map(JsonElement::getAsJsonArray)
        .orElseGet(JsonArray::new);
  }

  static String pretty(JsonElement element) {
    return PRETTY.toJson(element);
  }

  /** A number without needless digits, a list by its length, everything else as it is. */
  static String plain(JsonElement element) {
    if (element.isJsonArray()) {
      return Integer.toString(element.getAsJsonArray().size());
    }
    if (element.isJsonObject()) {
      JsonObject object = element.getAsJsonObject();
      return object.entrySet().stream()
          .map(entry -> entry.getKey() + "=" + plain(entry.getValue()))
          .reduce((first, second) -> first + "," + second)
          .orElse("-");
    }
    if (element.isJsonNull()) {
      return "-";
    }
    if (element.getAsJsonPrimitive().isNumber()) {
      double value = element.getAsDouble();
      return value == Math.rint(value) && Math.abs(value) < 1e15
          ? Long.toString((long) value)
          : String.format(Locale.ROOT, "%.4g", value);
    }
    return element.getAsString();
  }
}
