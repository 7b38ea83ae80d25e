package io.skerry.packager;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What an artifact tells of the candidates that it was chosen from. */
final class Decision {
  static final int BYTES_MAX = 4 << 20;

  private static final String DAMAGED = "cannot be told: %s: package the model again";

  private Decision() {}

  /** A line for each candidate, the winner among them; nothing of the file is believed. */
  static List<String> lines(Path measurements) throws IOException {
    if (Files.size(measurements) > BYTES_MAX) {
      return List.of(
          DAMAGED.formatted("what was measured has more than %d bytes".formatted(BYTES_MAX)));
    }
    try {
      List<String> lines = new ArrayList<>();
      for (JsonElement variant :
          JsonParser.parseString(Files.readString(measurements))
              .getAsJsonObject()
              .getAsJsonArray("variants")) {
        lines.add(line(variant.getAsJsonObject()));
      }
      return List.copyOf(lines);
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | ClassCastException
        | NullPointerException
        | StackOverflowError
        | CharacterCodingException e) {
      return List.of(DAMAGED.formatted("what was measured is damaged"));
    }
  }

  private static String line(JsonObject variant) {
    String line =
        "%s %s: %s%s"
            .formatted(
                variant.get("engine").getAsString(),
                variant.get("precision").getAsString(),
                variant.get("winner").getAsBoolean() ? "WINS: " : "",
                variant.get("reason").getAsString());
    // Nobody has verified it: it must not steer the terminal.
    return line.replaceAll("[\\p{Cc}\\p{Cf}]+", " ");
  }
}
