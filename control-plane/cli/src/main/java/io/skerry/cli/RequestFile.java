package io.skerry.cli;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.RolloutRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * A request as a YAML file. Its JSON schema knows every field; what it does not know is a mistake,
 * and all mistakes are told at once. What the values mean is checked by the server.
 */
enum RequestFile {
  ROLLOUT("rollout.schema.json", "model: NAME"),
  MONITORING("monitoring.schema.json", "privacy: [{field: client-id, action: hash}]");

  private static final long BYTES_MAX = 1 << 20;

  private final String schemaFile;
  private final String example;

  RequestFile(String schemaFile, String example) {
    this.schemaFile = schemaFile;
    this.example = example;
  }

  String schema() {
    try (InputStream in = RolloutRequest.class.getResourceAsStream(schemaFile)) {
      if (in == null) {
        throw new IllegalStateException(schemaFile + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The file as the API's request. */
  JsonObject read(Path file) {
    JsonElement document = parse(file);
    if (!document.isJsonObject()) {
      throw wrong(file, "it must hold fields such as '%s'".formatted(example));
    }
    JsonObject request = document.getAsJsonObject();
    List<String> mistakes = new ArrayList<>();
    check("", request, JsonParser.parseString(schema()).getAsJsonObject(), mistakes);
    if (!mistakes.isEmpty()) {
      throw wrong(file, String.join("; ", mistakes));
    }
    return request;
  }

  private static JsonElement parse(Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw wrong(file, "there is no such file");
      }
      if (Files.size(file) > BYTES_MAX) {
        throw wrong(file, "it is larger than %d bytes".formatted(BYTES_MAX));
      }
      try (InputStreamReader in =
          new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8)) {
        Object loaded =
            new Load(LoadSettings.builder().setLabel(file.toString()).build()).loadFromReader(in);
        return new Gson().toJsonTree(loaded);
      }
    } catch (YamlEngineException e) {
      throw wrong(file, String.valueOf(e.getMessage()).replaceAll("\\s+", " "));
    } catch (IOException e) {
      throw wrong(file, "it cannot be read: " + e.getMessage());
    }
  }

  private static CommandFailed wrong(Path file, String why) {
    return new CommandFailed(ExitCodes.USAGE, "%s: %s".formatted(file, why));
  }

  // Names and kinds only: limits and meanings are the server's.
  private static void check(
      String at, JsonElement value, JsonObject schema, List<String> mistakes) {
    String type = schema.get("type").getAsString();
    if (!isOf(type, value)) {
      mistakes.add("%s must be %s".formatted(at.isEmpty() ? "the file" : at, words(type)));
      return;
    }
    if (type.equals("array")) {
      for (int i = 0; i < value.getAsJsonArray().size(); i++) {
        check(
            at + "[" + i + "]",
            value.getAsJsonArray().get(i),
            schema.getAsJsonObject("items"),
            mistakes);
      }
    }
    if (type.equals("object") && schema.has("properties")) {
      checkFields(at, value.getAsJsonObject(), schema, mistakes);
    }
  }

  private static void checkFields(
      String at, JsonObject value, JsonObject schema, List<String> mistakes) {
    JsonObject properties = schema.getAsJsonObject("properties");
    String prefix = at.isEmpty() ? "" : at + ".";
    for (String name : value.keySet()) {
      if (properties.has(name)) {
        check(prefix + name, value.get(name), properties.getAsJsonObject(name), mistakes);
      } else {
        mistakes.add(
            "there is no field '%s'; did you mean %s?"
                .formatted(prefix + name, nearest(name, properties.keySet())));
      }
    }
    if (schema.has("required")) {
      for (JsonElement required : schema.getAsJsonArray("required")) {
        if (!value.has(required.getAsString())) {
          mistakes.add("'%s' is missing".formatted(prefix + required.getAsString()));
        }
      }
    }
  }

  private static boolean isOf(String type, JsonElement value) {
    return switch (type) {
      case "object" -> value.isJsonObject();
      case "array" -> value.isJsonArray();
      case "string" -> value.isJsonPrimitive() && value.getAsJsonPrimitive().isString();
      case "boolean" -> value.isJsonPrimitive() && value.getAsJsonPrimitive().isBoolean();
      case "integer" ->
          value.isJsonPrimitive()
              && value.getAsJsonPrimitive().isNumber()
              && value.getAsDouble() == Math.rint(value.getAsDouble());
      default -> value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber();
    };
  }

  private static String words(String type) {
    return switch (type) {
      case "object" -> "a group of fields";
      case "array" -> "a list";
      case "string" -> "text";
      case "boolean" -> "true or false";
      case "integer" -> "a whole number";
      default -> "a number";
    };
  }

  private static String nearest(String name, Set<String> known) {
    return known.stream()
        .min((left, right) -> Integer.compare(distance(name, left), distance(name, right)))
        .orElse("nothing");
  }

  // Levenshtein's, over two rows.
  private static int distance(String left, String right) {
    int[] before = new int[right.length() + 1];
    for (int column = 0; column <= right.length(); column++) {
      before[column] = column;
    }
    for (int row = 1; row <= left.length(); row++) {
      int[] now = new int[right.length() + 1];
      now[0] = row;
      for (int column = 1; column <= right.length(); column++) {
        int change = left.charAt(row - 1) == right.charAt(column - 1) ? 0 : 1;
        now[column] =
            Math.min(Math.min(now[column - 1], before[column]) + 1, before[column - 1] + change);
      }
      before = now;
    }
    return before[right.length()];
  }
}
