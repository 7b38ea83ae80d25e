package io.skerry.agent.boot;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import io.skerry.agent.identity.DeviceLogin;
import io.skerry.agent.time.DeviceClock;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SlotReport;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a running agent tells other processes of this machine about itself, as JSON. What an earlier
 * run heard last stays until this one hears something.
 */
final class StatusFile {
  private static final Logger log = LoggerFactory.getLogger(StatusFile.class);
  private static final List<String> CARRIED = List.of("heardAt", "committedAt", "desiredAt");

  private final Disk disk;
  private final Path file;
  private final JsonObject carried = new JsonObject();
  private volatile List<String> listening = List.of();
  private volatile boolean failing;

  StatusFile(Disk disk, Path dataDir) {
    this.disk = disk;
    this.file = dataDir.resolve("status.json");
  }

  /** Remembers what an earlier run heard last. */
  void carryOver() {
    try {
      read()
          .ifPresent(
              earlier -> {
                for (String key : CARRIED) {
                  if (earlier.has(key)) {
                    carried.add(key, earlier.get(key));
                  }
                }
              });
    } catch (IOException e) {
      log.atInfo().addKeyValue("file", file).setCause(e).log("earlier status forgotten");
    }
  }

  /** Where the agent listens, and for which applications, from now on. */
  void listening(List<String> places) {
    listening = List.copyOf(places);
  }

  /** Writes it; says once when that begins to fail, or ends. */
  void tell(AgentStatus status) {
    try {
      write(status);
      failing = false;
    } catch (IOException e) {
      if (!failing) {
        log.atWarn().addKeyValue("file", file).setCause(e).log("status cannot be written");
      }
      failing = true;
    }
  }

  /** Not forced to disk: after a power cut an older status, or none, does no harm. */
  void write(AgentStatus status) throws IOException {
    JsonObject object = new JsonObject();
    carried.asMap().forEach(object::add);
    object.addProperty("device", status.device());
    object.addProperty("instance", status.instance());
    object.addProperty("bootEpoch", status.bootEpoch());
    object.addProperty("startedAt", status.startedAt().toString());
    object.addProperty("at", status.at().toString());
    JsonArray places = new JsonArray();
    listening.forEach(places::add);
    object.add("listening", places);
    object.addProperty("link", status.link().name());
    add(object, "heardAt", status.heardAt());
    add(object, "committedAt", status.committedAt());
    object.addProperty("observed", status.observed().toString());
    object.addProperty("applied", status.applied().toString());
    add(object, "desiredAt", status.desiredAt());
    JsonArray slots = new JsonArray();
    status
        .slots()
        .forEach(
            slot ->
                slots.add(json(slot, Optional.ofNullable(status.runningSince().get(slot.slot())))));
    object.add("slots", slots);
    object.add("spooled", json(status.spooled()));
    object.add("waiting", json(status.waiting()));
    add(object, "oldestWaiting", status.oldestWaiting());
    object.add("dropped", json(status.dropped()));
    object.addProperty("damaged", status.damaged());
    status.telemetryFault().ifPresent(fault -> object.addProperty("telemetryFault", fault));
    object.addProperty("skipped", status.skipped());
    object.add("trust", json(status.believed()));
    object.add("certificate", json(status.login()));
    object.add("clock", json(status.clock()));
    Path part = file.resolveSibling("status.json.part");
    try (DiskFile out = disk.open(part, Disk.Opening.EMPTY)) {
      out.write(StandardCharsets.UTF_8.encode(object.toString()), 0);
    }
    disk.move(part, file);
  }

  private static void add(JsonObject object, String key, Optional<Instant> at) {
    at.ifPresent(instant -> object.addProperty(key, instant.toString()));
  }

  private static JsonObject json(SlotReport slot, Optional<Instant> since) {
    JsonObject object = new JsonObject();
    object.addProperty("slot", slot.slot().value());
    object.addProperty("phase", slot.phase().name());
    slot.running()
        .ifPresent(
            running -> {
              object.addProperty("running", running.version().toString());
              add(object, "runningSince", since);
            });
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

  private static JsonObject json(AgentStatus.Believed believed) {
    JsonObject object = new JsonObject();
    object.addProperty("root", believed.rootVersion());
    object.addProperty("rootExpires", believed.rootExpires().toString());
    believed
        .snapshot()
        .ifPresent(
            snapshot -> {
              object.addProperty("snapshot", snapshot.version());
              object.addProperty("snapshotIssued", snapshot.issuedAt().toString());
              object.addProperty("snapshotExpires", snapshot.expiresAt().toString());
            });
    return object;
  }

  static JsonObject json(DeviceLogin.Status login) {
    JsonObject object = new JsonObject();
    object.addProperty("expires", login.certificate().notAfter().toString());
    object.addProperty("renewalDue", login.renewalDue().toString());
    object.addProperty("renewal", login.renewal());
    if (!login.fault().isEmpty()) {
      object.addProperty("fault", login.fault());
    }
    return object;
  }

  static JsonObject json(DeviceClock.Reading clock) {
    JsonObject object = new JsonObject();
    object.addProperty("system", clock.system().toString());
    object.addProperty("floor", clock.floor().toString());
    object.addProperty("correctedMillis", clock.corrected().toMillis());
    return object;
  }

  /** The last status as JSON, with its time in {@code at}; empty when there is none. */
  Optional<JsonObject> read() throws IOException {
    if (!disk.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonObject object =
          JsonParser.parseString(
                  StandardCharsets.UTF_8.decode(ByteBuffer.wrap(disk.read(file))).toString())
              .getAsJsonObject();
      Instant.parse(object.get("at").getAsString());
      return Optional.of(object);
    } catch (JsonParseException
        | IllegalStateException
        | NullPointerException
        | DateTimeException e) {
      throw new IOException("'%s' holds no status".formatted(file), e);
    }
  }
}
