package io.skerry.agent.boot;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SlotReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/** What a running agent tells other processes of this machine about itself, as JSON. */
final class StatusFile {
  private final Path file;

  StatusFile(Path dataDir) {
    this.file = dataDir.resolve("status.json");
  }

  void write(AgentStatus status) throws IOException {
    JsonObject object = new JsonObject();
    object.addProperty("device", status.device());
    object.addProperty("bootEpoch", status.bootEpoch());
    object.addProperty("startedAt", status.startedAt().toString());
    object.addProperty("at", status.at().toString());
    object.addProperty("link", status.link().name());
    status.heardAt().ifPresent(at -> object.addProperty("heardAt", at.toString()));
    object.addProperty("observed", status.observed().toString());
    object.addProperty("applied", status.applied().toString());
    JsonArray slots = new JsonArray();
    status.slots().forEach(slot -> slots.add(json(slot)));
    object.add("slots", slots);
    object.add("spooled", json(status.spooled()));
    object.add("waiting", json(status.waiting()));
    object.add("dropped", json(status.dropped()));
    object.addProperty("damaged", status.damaged());
    object.addProperty("skipped", status.skipped());
    Path part = file.resolveSibling("status.json.part");
    Files.writeString(part, object.toString());
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static JsonObject json(SlotReport slot) {
    JsonObject object = new JsonObject();
    object.addProperty("slot", slot.slot().value());
    object.addProperty("phase", slot.phase().name());
    slot.running()
        .ifPresent(running -> object.addProperty("running", running.version().toString()));
    slot.error()
        .ifPresent(
            error -> object.addProperty("error", error.code().name() + ": " + error.detail()));
    object.addProperty("predictions", slot.predictions());
    object.addProperty("predictionsFailed", slot.predictionsFailed());
    return object;
  }

  private static JsonObject json(Map<RecordStream, Long> counts) {
    JsonObject object = new JsonObject();
    for (RecordStream stream : RecordStream.values()) {
      object.addProperty(stream.wireName(), counts.getOrDefault(stream, 0L));
    }
    return object;
  }

  /** The last status as JSON, and when it was written; empty when there is none. */
  Optional<JsonObject> read() throws IOException {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonObject object = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
      Instant.parse(object.get("at").getAsString());
      return Optional.of(object);
    } catch (JsonParseException | IllegalStateException | DateTimeException e) {
      throw new IOException("'%s' holds no status".formatted(file), e);
    }
  }
}
