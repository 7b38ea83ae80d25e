package io.skerry.agent.serve;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;

/** Small JSON from clients, as RFC 8259 has it and not as a lenient reader would take it. */
public final class StrictJson {
  private StrictJson() {}

  /**
   * The object that a text is.
   *
   * @throws JsonParseException if it is none, or there is more
   */
  public static JsonObject object(String text) {
    try (JsonReader reader = new JsonReader(new StringReader(text))) {
      reader.setStrictness(Strictness.STRICT);
      JsonObject object = JsonParser.parseReader(reader).getAsJsonObject();
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw new JsonParseException("there is more after its end");
      }
      return object;
    } catch (IOException | IllegalStateException | StackOverflowError e) {
      throw new JsonParseException("no JSON object", e);
    }
  }
}
