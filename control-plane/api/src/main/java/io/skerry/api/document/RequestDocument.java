package io.skerry.api.document;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.FieldError;
import io.skerry.api.RolloutRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.common.Anchor;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * A request as YAML. Its JSON schema knows every field; what it does not know is a mistake, and all
 * mistakes are told at once. What the values mean is checked by the server.
 */
public enum RequestDocument {
  ROLLOUT("rollout.schema.json", "model: NAME"),
  MONITORING("monitoring.schema.json", "privacy: [{field: client-id, action: hash}]");

  /** Characters of a document. */
  public static final int CHARACTERS_MAX = 1 << 20;

  private static final int DEPTH_MAX = 32;
  private static final int ALIASES_MAX = 10;
  private static final int MISTAKES_MAX = 100;

  private final String schemaFile;
  private final String example;

  RequestDocument(String schemaFile, String example) {
    this.schemaFile = schemaFile;
    this.example = example;
  }

  /** The JSON schema of such documents. */
  public String schema() {
    try (InputStream in = RolloutRequest.class.getResourceAsStream(schemaFile)) {
      if (in == null) {
        throw new IllegalStateException(schemaFile + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A document as the API's request.
   *
   * @param label what the document is called where it is told where in it something is wrong
   * @throws InvalidDocumentException with all mistakes
   */
  public JsonObject read(String label, String text) {
    JsonElement document = parse(label, text);
    if (!document.isJsonObject()) {
      throw wrong("it must hold fields such as '%s'".formatted(example));
    }
    JsonObject request = document.getAsJsonObject();
    List<FieldError> mistakes = new ArrayList<>();
    check("", request, JsonParser.parseString(schema()).getAsJsonObject(), mistakes);
    if (!mistakes.isEmpty()) {
      throw new InvalidDocumentException(mistakes);
    }
    return request;
  }

  private static JsonElement parse(String label, String text) {
    if (text.length() > CHARACTERS_MAX) {
      throw wrong("it is larger than %d characters".formatted(CHARACTERS_MAX));
    }
    LoadSettings settings =
        LoadSettings.builder().setLabel(label).setMaxAliasesForCollections(ALIASES_MAX).build();
    try {
      checkShape(settings, text);
      return new Gson().toJsonTree(new Load(settings).loadFromString(text));
    } catch (YamlEngineException e) {
      throw wrong(String.valueOf(e.getMessage()).replaceAll("\\s+", " "));
    } catch (IllegalArgumentException e) {
      // Of what YAML can say: that a number is none.
      throw wrong(String.valueOf(e.getMessage()));
    }
  }

  // What is open while a document is read, with what it will take once its aliases are filled in.
  private static final class Open {
    private final Optional<Anchor> anchor;
    private long size = 1;

    Open(Optional<Anchor> anchor) {
      this.anchor = anchor;
    }
  }

  // Everything after this goes down into a document by calls, and would not come back from one that
  // is deep enough or holds itself; and it writes every alias out, which the loader counts only for
  // some of them.
  private static void checkShape(LoadSettings settings, String text) {
    Deque<Open> open = new ArrayDeque<>();
    Map<Anchor, Long> sizes = new HashMap<>();
    long byAliases = 0;
    for (Event event : new Parse(settings).parseString(text)) {
      switch (event) {
        case CollectionStartEvent start -> {
          open.push(new Open(start.getAnchor()));
          if (open.size() > DEPTH_MAX) {
            throw wrong("it is nested deeper than %d".formatted(DEPTH_MAX));
          }
        }
        case CollectionEndEvent _ -> {
          Open ended = open.pop();
          note(sizes, open, ended.anchor, ended.size);
        }
        case ScalarEvent scalar ->
            note(sizes, open, scalar.getAnchor(), 1 + scalar.getValue().length());
        case AliasEvent alias -> {
          Optional<Anchor> of = Optional.of(alias.getAlias());
          if (open.stream().anyMatch(outer -> outer.anchor.equals(of))) {
            throw wrong("*%s stands within itself".formatted(alias.getAlias()));
          }
          long size = sizes.getOrDefault(alias.getAlias(), 1L);
          byAliases += size;
          if (byAliases > CHARACTERS_MAX) {
            throw wrong(
                "its aliases make it larger than %d characters: write fewer of them"
                    .formatted(CHARACTERS_MAX));
          }
          note(sizes, open, Optional.empty(), size);
        }
        default -> {}
      }
    }
  }

  private static void note(
      Map<Anchor, Long> sizes, Deque<Open> open, Optional<Anchor> anchor, long size) {
    anchor.ifPresent(named -> sizes.put(named, size));
    if (!open.isEmpty()) {
      open.peek().size += size;
    }
  }

  private static InvalidDocumentException wrong(String why) {
    return new InvalidDocumentException(List.of(new FieldError("", why)));
  }

  // Names and kinds only: limits and meanings are the server's.
  private static void check(
      String at, JsonElement value, JsonObject schema, List<FieldError> mistakes) {
    if (mistakes.size() >= MISTAKES_MAX) {
      return;
    }
    String type = schema.get("type").getAsString();
    if (!isOf(type, value)) {
      mistakes.add(
          new FieldError(
              at, "%s must be %s".formatted(at.isEmpty() ? "the file" : at, words(type))));
      return;
    }
    if (type.equals("array")) {
      for (int i = 0; i < value.getAsJsonArray().size() && mistakes.size() < MISTAKES_MAX; i++) {
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
      String at, JsonObject value, JsonObject schema, List<FieldError> mistakes) {
    JsonObject properties = schema.getAsJsonObject("properties");
    String prefix = at.isEmpty() ? "" : at + ".";
    for (String name : value.keySet()) {
      if (mistakes.size() >= MISTAKES_MAX) {
        return;
      }
      if (properties.has(name)) {
        check(prefix + name, value.get(name), properties.getAsJsonObject(name), mistakes);
      } else {
        mistakes.add(
            new FieldError(
                prefix + name,
                "there is no field '%.100s'; did you mean %s?"
                    .formatted(prefix + name, nearest(name, properties.keySet()))));
      }
    }
    if (schema.has("required")) {
      for (JsonElement required : schema.getAsJsonArray("required")) {
        if (!value.has(required.getAsString()) && mistakes.size() < MISTAKES_MAX) {
          String field = prefix + required.getAsString();
          mistakes.add(new FieldError(field, "'%s' is missing".formatted(field)));
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
