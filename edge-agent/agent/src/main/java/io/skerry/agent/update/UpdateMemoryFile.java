package io.skerry.agent.update;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.artifact.sign.VerificationKey;
import io.skerry.artifact.trust.Role;
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
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where a device's updates are remembered: JSON, orders in it as base64 of an encoded desired
 * document with one slot. An order that had not begun to be loaded is remembered as DOWNLOADING: it
 * begins anew.
 *
 * <p>What is proven is kept a second time in {@code proven.json}, which is written only when a
 * version commits: a device that loses its memory still knows what it may run.
 */
final class UpdateMemoryFile {
  private static final TenantId TENANT = new TenantId("here");
  private static final DeviceId DEVICE = new DeviceId("here");

  private final Disk disk;
  private final Path folder;
  private final Path file;
  private final Path provenFile;
  private Map<SlotId, List<DesiredSlot>> proven = Map.of();
  // What was to be written last, as it is written, and its bytes: a broken disk is asked to take
  // the same again and again.
  private @Nullable UpdateMemory encoded;
  private byte[] encodedBytes = {};

  UpdateMemoryFile(Disk disk, Path folder) {
    this.disk = disk;
    this.folder = folder;
    this.file = folder.resolve("update.json");
    this.provenFile = folder.resolve("proven.json");
  }

  /** Returns once the memory survives a power cut. */
  void write(UpdateMemory memory) throws IOException {
    UpdateMemory told = asWritten(memory);
    if (!told.equals(encoded)) {
      encodedBytes = bytes(told);
      encoded = told;
    }
    disk.createFolders(folder);
    DurableFile.write(disk, file, encodedBytes);
    if (!versions(memory).equals(proven)) {
      DurableFile.write(disk, provenFile, bytes(onlyProven(memory)));
      proven = versions(memory);
    }
  }

  /** Without all that is of this process only: two that differ in no more have the same bytes. */
  private static UpdateMemory asWritten(UpdateMemory memory) {
    Map<SlotId, SlotState> slots = new HashMap<>();
    memory.slots().forEach((id, state) -> slots.put(id, asWritten(state)));
    return new UpdateMemory(memory.observed(), memory.applied(), memory.director(), slots);
  }

  private static SlotState asWritten(SlotState state) {
    SlotState.Counts counts = state.counts();
    boolean other = state.pending().isPresent();
    return new SlotState(
        state.generation(),
        state.pending().or(state::order),
        other ? beginning() : asWritten(state.step()),
        Instant.EPOCH,
        Optional.empty(),
        state.proven(),
        state.previous(),
        Optional.empty(),
        0,
        other ? new SlotState.Counts(0, counts.loads(), 0, Duration.ZERO) : counts);
  }

  // What these know beyond their names, and why they failed, ends with the process.
  private static Step asWritten(Step step) {
    return switch (step) {
      case Step.Downloading _ -> beginning();
      case Step.Verifying _ -> new Step.Verifying(1);
      case Step.Compiling _ -> new Step.Compiling(false);
      case Step.Ready _ -> new Step.Ready(false);
      case Step.Activating _ -> new Step.Activating(false);
      case Step.Probation _ -> new Step.Probation(Instant.EPOCH, Instant.EPOCH, false, false);
      case Step.RollingBack(SlotReport.Failure failure, int attempt) ->
          new Step.RollingBack(failure, 1);
      case Step.Repairing(Step end, int attempt, Optional<Instant> retryAt) ->
          new Step.Repairing(end, 1, Optional.empty());
      case Step.Idle _,
          Step.Waiting _,
          Step.Staged _,
          Step.Proved _,
          Step.Committed _,
          Step.RolledBack _,
          Step.Rejected _,
          Step.Failed _ ->
          step;
    };
  }

  private static Map<SlotId, List<DesiredSlot>> versions(UpdateMemory memory) {
    Map<SlotId, List<DesiredSlot>> versions = new HashMap<>();
    memory
        .slots()
        .forEach(
            (id, state) -> {
              if (state.proven().isPresent()) {
                versions.put(id, state.fallbacks());
              }
            });
    return versions;
  }

  /** What is proven, as if nothing had been ordered since. */
  private static UpdateMemory onlyProven(UpdateMemory memory) {
    Map<SlotId, SlotState> slots = new HashMap<>();
    memory
        .slots()
        .forEach(
            (id, state) -> {
              if (state.proven().isPresent()) {
                slots.put(
                    id,
                    new SlotState(
                        state.generation(),
                        state.proven(),
                        new Step.Committed(),
                        Instant.EPOCH,
                        Optional.empty(),
                        state.proven(),
                        state.previous(),
                        Optional.empty(),
                        0,
                        SlotState.Counts.ZERO));
              }
            });
    return new UpdateMemory(memory.observed(), memory.applied(), memory.director(), slots);
  }

  private static byte[] bytes(UpdateMemory memory) {
    JsonObject object = new JsonObject();
    object.add("observed", json(memory.observed()));
    object.add("applied", json(memory.applied()));
    memory.director().ifPresent(role -> object.add("director", json(role)));
    JsonArray slots = new JsonArray();
    memory.slots().forEach((id, state) -> slots.add(json(id, state)));
    object.add("slots", slots);
    return object.toString().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * What was remembered last, or is proven when that is lost.
   *
   * @param told is told what was lost, if anything was
   */
  UpdateMemory read(Consumer<String> told) {
    Optional<UpdateMemory> known = readProven(told);
    proven = known.map(UpdateMemoryFile::versions).orElse(Map.of());
    try {
      Optional<UpdateMemory> memory = read(file);
      if (memory.isPresent()) {
        return memory.get();
      }
      if (known.isPresent()) {
        told.accept("update state lost: there is none; what is proven is still known");
      }
    } catch (IOException e) {
      told.accept(
          "update state lost: %s; %s"
              .formatted(
                  e.getMessage(),
                  known.isPresent() ? "what is proven is still known" : "nothing is known"));
    }
    return known.orElse(UpdateMemory.EMPTY);
  }

  private Optional<UpdateMemory> readProven(Consumer<String> told) {
    try {
      return read(provenFile);
    } catch (IOException e) {
      told.accept("copy of what is proven lost: " + e.getMessage());
      return Optional.empty();
    }
  }

  private Optional<UpdateMemory> read(Path path) throws IOException {
    Optional<byte[]> content = DurableFile.read(disk, path);
    if (content.isEmpty()) {
      return Optional.empty();
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
      return Optional.of(
          new UpdateMemory(
              generation(object.getAsJsonObject("observed")),
              generation(object.getAsJsonObject("applied")),
              object.has("director")
                  ? Optional.of(role(object.getAsJsonObject("director")))
                  : Optional.empty(),
              slots));
    } catch (JsonParseException
        | IllegalStateException
        | IllegalArgumentException
        | NullPointerException
        | MalformedDocumentException e) {
      throw new IOException("file %s holds no update state".formatted(path), e);
    }
  }

  private static JsonObject json(SlotId id, SlotState state) {
    JsonObject slot = new JsonObject();
    slot.addProperty("slot", id.value());
    slot.add("generation", json(state.generation()));
    state.order().ifPresent(order -> slot.addProperty("order", text(order)));
    state.proven().ifPresent(order -> slot.addProperty("proven", text(order)));
    state.previous().ifPresent(order -> slot.addProperty("previous", text(order)));
    SlotState.Counts counts = state.counts();
    slot.addProperty("starts", counts.starts());
    slot.addProperty("loads", counts.loads());
    slot.addProperty("received", counts.received());
    slot.addProperty("spentMillis", counts.spent().toMillis());
    Step step = state.step();
    slot.addProperty("step", name(step));
    if (step instanceof Step.Repairing(Step end, int attempt, Optional<Instant> retryAt)) {
      slot.addProperty("end", name(end));
    }
    step.problem()
        .ifPresent(
            failure -> {
              slot.addProperty("code", failure.code().name());
              slot.addProperty("detail", failure.detail());
            });
    return slot;
  }

  private static Step beginning() {
    return new Step.Downloading(1, Optional.empty());
  }

  private static String name(Step step) {
    return switch (step) {
      case Step.RollingBack _ -> "ROLLING_BACK";
      case Step.Repairing _ -> "REPAIRING";
      case Step.Waiting _ -> "WAITING";
      case Step.Ready _ -> "READY";
      case Step.Proved _ -> "PROVED";
      default -> step.phase().name();
    };
  }

  private static SlotState state(JsonObject slot) throws MalformedDocumentException {
    return new SlotState(
        generation(slot.getAsJsonObject("generation")),
        order(slot, "order"),
        step(slot, slot.get("step").getAsString()),
        Instant.EPOCH,
        Optional.empty(),
        order(slot, "proven"),
        order(slot, "previous"),
        Optional.empty(),
        0,
        new SlotState.Counts(
            slot.get("starts").getAsInt(),
            slot.get("loads").getAsInt(),
            slot.get("received").getAsLong(),
            Duration.ofMillis(slot.get("spentMillis").getAsLong())));
  }

  private static Step step(JsonObject slot, String name) {
    return switch (name) {
      case "IDLE" -> new Step.Idle();
      case "WAITING" -> new Step.Waiting(failure(slot));
      case "DOWNLOADING", "VERIFYING", "STAGED" -> beginning();
      case "COMPILING" -> new Step.Compiling(false);
      case "READY" -> new Step.Ready(false);
      case "PROVED" -> new Step.Proved();
      case "ACTIVATING" -> new Step.Activating(false);
      case "PROBATION" -> new Step.Probation(Instant.EPOCH, Instant.EPOCH, false, false);
      case "COMMITTED" -> new Step.Committed();
      case "ROLLING_BACK" -> new Step.RollingBack(failure(slot), 1);
      case "ROLLED_BACK" -> new Step.RolledBack(failure(slot));
      case "REJECTED" -> new Step.Rejected(failure(slot));
      case "FAILED" -> new Step.Failed(failure(slot));
      case "REPAIRING" ->
          new Step.Repairing(step(slot, slot.get("end").getAsString()), 1, Optional.empty());
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

  private static JsonObject json(Role role) {
    JsonArray keys = new JsonArray();
    role.keys().forEach(key -> keys.add(key.hex()));
    JsonObject object = new JsonObject();
    object.add("keys", keys);
    object.addProperty("threshold", role.threshold());
    return object;
  }

  private static Role role(JsonObject object) {
    return new Role(
        object.getAsJsonArray("keys").asList().stream()
            .map(key -> VerificationKey.ofHex(key.getAsString()))
            .toList(),
        object.get("threshold").getAsInt());
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
