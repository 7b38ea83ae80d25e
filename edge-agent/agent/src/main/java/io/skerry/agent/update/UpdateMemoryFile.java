package io.skerry.agent.update;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where a device's updates are remembered: JSON, orders in it as base64 of an encoded desired
 * document with one slot. Steps that cannot be taken up where they were are remembered as
 * DOWNLOADING: they begin anew.
 */
final class UpdateMemoryFile {
  private static final TenantId TENANT = new TenantId("here");
  private static final DeviceId DEVICE = new DeviceId("here");

  private final Disk disk;
  private final Path file;

  UpdateMemoryFile(Disk disk, Path file) {
    this.disk = disk;
    this.file = file;
  }

  void write(UpdateMemory memory) throws IOException {
    JsonObject object = new JsonObject();
    object.add("observed", json(memory.observed()));
    object.add("applied", json(memory.applied()));
    JsonArray slots = new JsonArray();
    memory.slots().forEach((id, state) -> slots.add(json(id, state)));
    object.add("slots", slots);
    DurableFile.write(disk, file, object.toString().getBytes(StandardCharsets.UTF_8));
  }

  UpdateMemory read() throws IOException {
    Optional<byte[]> content = DurableFile.read(disk, file);
    if (content.isEmpty()) {
      return UpdateMemory.EMPTY;
    }
    try {
      JsonObject object =
          JsonParser.parseString(new String(content.get(), StandardCharsets.UTF_8))
              .getAsJsonObject();
      Map<SlotId, SlotState> slots = new HashMap<>();
      for (JsonElement element : object.getAsJsonArray("slots")) {
        JsonObject slot = element.getAsJsonObject();
        slots.put(new SlotId(slot.get("slot").getAsString()), state(slot));
      }
      return new UpdateMemory(
          generation(object.getAsJsonObject("observed")),
          generation(object.getAsJsonObject("applied")),
          slots);
    } catch (JsonParseException
        | IllegalStateException
        | IllegalArgumentException
        | NullPointerException
        | MalformedDocumentException e) {
      throw new IOException("file %s holds no update state".formatted(file), e);
    }
  }

  private static JsonObject json(SlotId id, SlotState state) {
    JsonObject slot = new JsonObject();
    slot.addProperty("slot", id.value());
    slot.add("generation", json(state.generation()));
    state.pending().or(state::order).ifPresent(order -> slot.addProperty("order", text(order)));
    state.proven().ifPresent(order -> slot.addProperty("proven", text(order)));
    state.previous().ifPresent(order -> slot.addProperty("previous", text(order)));
    slot.addProperty("starts", state.pending().isPresent() ? 0 : state.starts());
    Step step = state.pending().isPresent() ? beginning() : state.step();
    slot.addProperty("step", name(step));
    step.problem()
        .ifPresent(
            failure -> {
              slot.addProperty("code", failure.code().name());
              slot.addProperty("detail", failure.detail());
            });
    if (step instanceof Step.Probation(Instant until)) {
      slot.addProperty("until", until.toEpochMilli());
    }
    return slot;
  }

  private static Step beginning() {
    return new Step.Downloading(1, Optional.empty());
  }

  private static String name(Step step) {
    return step instanceof Step.RollingBack ? "ROLLING_BACK" : step.phase().name();
  }

  private static SlotState state(JsonObject slot) throws MalformedDocumentException {
    return new SlotState(
        generation(slot.getAsJsonObject("generation")),
        order(slot, "order"),
        step(slot),
        Optional.empty(),
        order(slot, "proven"),
        order(slot, "previous"),
        Optional.empty(),
        slot.get("starts").getAsInt(),
        0);
  }

  private static Step step(JsonObject slot) {
    String name = slot.get("step").getAsString();
    return switch (name) {
      case "IDLE" -> new Step.Idle();
      case "COMMITTED" -> new Step.Committed();
      case "PROBATION" -> new Step.Probation(Instant.ofEpochMilli(slot.get("until").getAsLong()));
      case "ROLLING_BACK" -> new Step.RollingBack(failure(slot), 1);
      case "ROLLED_BACK" -> new Step.RolledBack(failure(slot));
      case "REJECTED" -> new Step.Rejected(failure(slot));
      case "FAILED" -> new Step.Failed(failure(slot));
      case "DOWNLOADING", "VERIFYING", "STAGED", "COMPILING", "ACTIVATING" -> beginning();
      default -> throw new IllegalArgumentException("unknown step '%s'".formatted(name));
    };
  }

  private static SlotReport.Failure failure(JsonObject slot) {
    return new SlotReport.Failure(
        ErrorCode.valueOf(slot.get("code").getAsString()), slot.get("detail").getAsString());
  }

  private static JsonObject json(Generation generation) {
    JsonObject object = new JsonObject();
    object.addProperty("term", generation.term());
    object.addProperty("counter", generation.counter());
    return object;
  }

  private static Generation generation(JsonObject object) {
    return new Generation(object.get("term").getAsLong(), object.get("counter").getAsLong());
  }

  private static String text(DesiredSlot order) {
    DesiredDocument document =
        new DesiredDocument(TENANT, DEVICE, Generation.NONE, Instant.EPOCH, List.of(order));
    return Base64.getEncoder().encodeToString(ProtocolCodec.encode(document));
  }

  private static Optional<DesiredSlot> order(JsonObject slot, String key)
      throws MalformedDocumentException {
    if (!slot.has(key)) {
      return Optional.empty();
    }
    byte[] encoded = Base64.getDecoder().decode(slot.get(key).getAsString());
    return Optional.of(ProtocolCodec.decodeDesired(encoded).slots().getFirst());
  }
}
