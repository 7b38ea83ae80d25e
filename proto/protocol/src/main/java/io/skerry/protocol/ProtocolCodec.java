package io.skerry.protocol;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.wire.fleet.v1.Committed;
import io.skerry.wire.fleet.v1.Desired;
import io.skerry.wire.fleet.v1.Reported;
import io.skerry.wire.fleet.v1.Status;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Documents to bytes and back: the one place that knows the generated types of these documents. */
public final class ProtocolCodec {
  private ProtocolCodec() {}

  /** Encodes a desired document; the bytes are what gets signed. */
  public static byte[] encode(DesiredDocument document) {
    Desired.Builder builder =
        Desired.newBuilder()
            .setTenant(document.tenant().value())
            .setDevice(document.device().value())
            .setGeneration(toWire(document.generation()))
            .setIssuedAtMillis(document.issuedAt().toEpochMilli());
    document.expiresAt().ifPresent(end -> builder.setExpiresAtMillis(end.toEpochMilli()));
    for (DesiredSlot slot : document.slots()) {
      builder.addSlots(toWire(slot));
    }
    return builder.build().toByteArray();
  }

  /**
   * Reads a desired document.
   *
   * @throws UnsupportedDocumentException if it says something that this version does not know
   * @throws MalformedDocumentException if the bytes are none, or too many
   */
  public static DesiredDocument decodeDesired(byte[] bytes) throws MalformedDocumentException {
    checkSize("desired document", bytes, DesiredDocument.BYTES_MAX);
    try {
      Desired wire = Desired.parseFrom(bytes);
      if (wire.getSlotsCount() > DesiredDocument.SLOTS_MAX) {
        throw new MalformedDocumentException(
            "desired document has %d slots, at most %d are allowed"
                .formatted(wire.getSlotsCount(), DesiredDocument.SLOTS_MAX));
      }
      List<DesiredSlot> slots = new ArrayList<>();
      for (io.skerry.wire.fleet.v1.DesiredSlot slot : wire.getSlotsList()) {
        slots.add(fromWire(slot));
      }
      return new DesiredDocument(
          new TenantId(wire.getTenant()),
          new DeviceId(wire.getDevice()),
          fromWire(wire.getGeneration()),
          Instant.ofEpochMilli(wire.getIssuedAtMillis()),
          Optional.of(wire.getExpiresAtMillis())
              .filter(millis -> millis != 0)
              .map(Instant::ofEpochMilli),
          slots);
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw new MalformedDocumentException("desired document: " + e.getMessage(), e);
    }
  }

  /** Encodes a reported document. */
  public static byte[] encode(ReportedDocument document) {
    Reported.Builder builder =
        Reported.newBuilder()
            .setTenant(document.tenant().value())
            .setDevice(document.device().value())
            .setBootEpoch(document.bootEpoch())
            .setSequence(document.sequence())
            .setAtMillis(document.at().toEpochMilli())
            .setObserved(toWire(document.observed()))
            .setApplied(toWire(document.applied()))
            .setFacts(toWire(document.facts()))
            .setAgentVersion(document.agentVersion())
            .setHealth(toWire(document.health()));
    for (SlotReport slot : document.slots()) {
      builder.addSlots(toWire(slot));
    }
    document.dropped().forEach((stream, n) -> builder.putDropped(stream.wireName(), n));
    return builder.build().toByteArray();
  }

  /**
   * Reads a reported document.
   *
   * @throws MalformedDocumentException if the bytes are none or too many
   */
  public static ReportedDocument decodeReported(byte[] bytes) throws MalformedDocumentException {
    checkSize("reported document", bytes, ReportedDocument.BYTES_MAX);
    try {
      Reported wire = Reported.parseFrom(bytes);
      List<SlotReport> slots = new ArrayList<>();
      for (io.skerry.wire.fleet.v1.SlotReport slot : wire.getSlotsList()) {
        slots.add(fromWire(slot));
      }
      return new ReportedDocument(
          new TenantId(wire.getTenant()),
          new DeviceId(wire.getDevice()),
          wire.getBootEpoch(),
          wire.getSequence(),
          Instant.ofEpochMilli(wire.getAtMillis()),
          fromWire(wire.getObserved()),
          fromWire(wire.getApplied()),
          slots,
          fromWire(wire.getFacts()),
          wire.getAgentVersion(),
          byStream(wire.getDroppedMap()),
          fromWire(wire.getHealth()));
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw new MalformedDocumentException("reported document: " + e.getMessage(), e);
    }
  }

  /** Encodes a status. */
  public static byte[] encode(DeviceStatus status) {
    return Status.newBuilder()
        .setOnline(status.online())
        .setBootEpoch(status.bootEpoch())
        .setAtMillis(status.at().toEpochMilli())
        .setInstance(status.instance())
        .build()
        .toByteArray();
  }

  /**
   * Reads a status.
   *
   * @throws MalformedDocumentException if the bytes are none
   */
  public static DeviceStatus decodeStatus(byte[] bytes) throws MalformedDocumentException {
    try {
      Status wire = Status.parseFrom(bytes);
      return new DeviceStatus(
          wire.getOnline(),
          wire.getBootEpoch(),
          Instant.ofEpochMilli(wire.getAtMillis()),
          wire.getInstance());
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw new MalformedDocumentException("status: " + e.getMessage(), e);
    }
  }

  /** Encodes committed ranges. */
  public static byte[] encode(List<CommittedRange> ranges) {
    Committed.Builder builder = Committed.newBuilder();
    for (CommittedRange range : ranges) {
      Committed.Range.Builder one =
          builder
              .addRangesBuilder()
              .setStream(range.stream().wireName())
              .setBootEpoch(range.bootEpoch())
              .setThrough(range.through())
              .setEnded(range.ended());
      range.givenUp().ifPresent(one::setGivenUp);
    }
    return builder.build().toByteArray();
  }

  /**
   * Reads committed ranges.
   *
   * @throws MalformedDocumentException if the bytes are none or name an unknown stream
   */
  public static List<CommittedRange> decodeCommitted(byte[] bytes)
      throws MalformedDocumentException {
    try {
      List<CommittedRange> ranges = new ArrayList<>();
      for (Committed.Range range : Committed.parseFrom(bytes).getRangesList()) {
        ranges.add(
            new CommittedRange(
                RecordStream.ofWireName(range.getStream()),
                range.getBootEpoch(),
                range.getThrough(),
                range.hasGivenUp() ? OptionalLong.of(range.getGivenUp()) : OptionalLong.empty(),
                range.getEnded()));
      }
      return List.copyOf(ranges);
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw new MalformedDocumentException("committed ranges: " + e.getMessage(), e);
    }
  }

  private static void checkSize(String what, byte[] bytes, int max)
      throws MalformedDocumentException {
    if (bytes.length > max) {
      throw new MalformedDocumentException(
          "%s has %d bytes, at most %d are allowed".formatted(what, bytes.length, max));
    }
  }

  private static io.skerry.wire.fleet.v1.Generation toWire(Generation generation) {
    return io.skerry.wire.fleet.v1.Generation.newBuilder()
        .setTerm(generation.term())
        .setCounter(generation.counter())
        .build();
  }

  private static Generation fromWire(io.skerry.wire.fleet.v1.Generation wire) {
    return new Generation(wire.getTerm(), wire.getCounter());
  }

  private static io.skerry.wire.fleet.v1.DesiredSlot toWire(DesiredSlot slot) {
    io.skerry.wire.fleet.v1.DesiredSlot.Builder builder =
        io.skerry.wire.fleet.v1.DesiredSlot.newBuilder();
    slot.mode()
        .trial()
        .ifPresent(trial -> builder.setBeside(trial.beside().value()).setShare(trial.share()));
    slot.unit().ifPresent(unit -> builder.setUnit(unit.value()));
    return builder
        .setSlot(slot.slot().value())
        .setRevision(slot.revision())
        .setModel(slot.version().model().value())
        .setVersion(slot.version().version())
        .setManifestDigest(slot.manifest().toString())
        .setSignatureDigest(slot.signature().toString())
        .setArtifactBase(slot.artifactBase().toString())
        .setMode(toWire(slot.mode()))
        .setRollout(slot.rollout().map(RolloutId::value).orElse(""))
        .setSampling(
            io.skerry.wire.fleet.v1.Sampling.newBuilder()
                .setBaseRate(slot.sampling().base())
                .setNotableRate(slot.sampling().notable()))
        .setWindowMillis(Math.toIntExact(slot.window().toMillis()))
        .setProbationPredictions(slot.probationPredictions())
        .setProbationMillis(Math.toIntExact(slot.probation().toMillis()))
        .build();
  }

  private static DesiredSlot fromWire(io.skerry.wire.fleet.v1.DesiredSlot wire)
      throws MalformedDocumentException {
    return new DesiredSlot(
        new SlotId(wire.getSlot()),
        wire.getRevision(),
        new ModelVersion(new ModelName(wire.getModel()), wire.getVersion()),
        Digest.parse(wire.getManifestDigest()),
        Digest.parse(wire.getSignatureDigest()),
        URI.create(wire.getArtifactBase()),
        optional(wire.getRollout()).map(RolloutId::new),
        new SamplingRates(wire.getSampling().getBaseRate(), wire.getSampling().getNotableRate()),
        Duration.ofMillis(from(1, "window_millis", wire.getWindowMillis())),
        from(0, "probation_predictions", wire.getProbationPredictions()),
        Duration.ofMillis(from(0, "probation_millis", wire.getProbationMillis())),
        mode(wire),
        optional(wire.getUnit()).map(UnitName::new));
  }

  // Unsigned on the wire: what is above a signed number arrives as a negative one.
  private static int from(int least, String field, int value) throws MalformedDocumentException {
    if (value < least) {
      throw new MalformedDocumentException(
          "%s is %d, from %d is allowed".formatted(field, Integer.toUnsignedLong(value), least));
    }
    return value;
  }

  private static io.skerry.wire.fleet.v1.SlotMode toWire(SlotMode mode) {
    return switch (mode) {
      case SlotMode.Active _ -> io.skerry.wire.fleet.v1.SlotMode.SLOT_MODE_ACTIVE;
      case SlotMode.Ab _ -> io.skerry.wire.fleet.v1.SlotMode.SLOT_MODE_AB;
      case SlotMode.Shadow _ -> io.skerry.wire.fleet.v1.SlotMode.SLOT_MODE_SHADOW;
      case SlotMode.Off _ -> io.skerry.wire.fleet.v1.SlotMode.SLOT_MODE_OFF;
    };
  }

  private static SlotMode mode(io.skerry.wire.fleet.v1.DesiredSlot wire)
      throws MalformedDocumentException {
    return switch (wire.getMode()) {
      case SLOT_MODE_ACTIVE -> new SlotMode.Active();
      case SLOT_MODE_AB -> new SlotMode.Ab(trial(wire));
      case SLOT_MODE_SHADOW -> new SlotMode.Shadow(trial(wire));
      case SLOT_MODE_OFF -> new SlotMode.Off();
      case SLOT_MODE_UNSPECIFIED, UNRECOGNIZED ->
          throw new UnsupportedDocumentException(
              "slot '%s' has mode %d, which this version does not know: update the agent first"
                  .formatted(wire.getSlot(), wire.getModeValue()));
    };
  }

  private static SlotMode.Trial trial(io.skerry.wire.fleet.v1.DesiredSlot wire)
      throws MalformedDocumentException {
    if (wire.getBeside().isEmpty()) {
      throw new MalformedDocumentException(
          "slot '%s' is on trial, but beside no slot".formatted(wire.getSlot()));
    }
    return new SlotMode.Trial(new SlotId(wire.getBeside()), wire.getShare());
  }

  private static io.skerry.wire.fleet.v1.SlotReport toWire(SlotReport slot) {
    io.skerry.wire.fleet.v1.SlotReport.Builder builder =
        io.skerry.wire.fleet.v1.SlotReport.newBuilder()
            .setSlot(slot.slot().value())
            .setRevision(slot.revision())
            .setPhase(
                io.skerry.wire.fleet.v1.SlotPhase.valueOf("SLOT_PHASE_" + slot.phase().name()))
            .setPredictions(slot.predictions())
            .setPredictionsFailed(slot.predictionsFailed());
    slot.rollout().ifPresent(rollout -> builder.setRollout(rollout.value()));
    slot.target().ifPresent(target -> builder.setTargetManifestDigest(target.toString()));
    slot.running()
        .ifPresent(
            running ->
                builder
                    .setRunningManifestDigest(running.manifest().toString())
                    .setRunningModel(running.version().model().value())
                    .setRunningVersion(running.version().version()));
    slot.error()
        .ifPresent(
            error -> builder.setErrorCode(error.code().name()).setErrorDetail(error.detail()));
    return builder.build();
  }

  private static SlotReport fromWire(io.skerry.wire.fleet.v1.SlotReport wire)
      throws MalformedDocumentException {
    String phase = wire.getPhase().name();
    if (wire.getPhaseValue() == 0 || !phase.startsWith("SLOT_PHASE_")) {
      throw new UnsupportedDocumentException(
          "slot '%s' has phase %d, which this version does not know: update the control plane"
              .formatted(wire.getSlot(), wire.getPhaseValue()));
    }
    return new SlotReport(
        new SlotId(wire.getSlot()),
        wire.getRevision(),
        SlotPhase.valueOf(phase.substring("SLOT_PHASE_".length())),
        optional(wire.getRollout()).map(RolloutId::new),
        optional(wire.getTargetManifestDigest()).map(Digest::parse),
        optional(wire.getRunningManifestDigest())
            .map(
                digest ->
                    new SlotReport.Running(
                        new ModelVersion(
                            new ModelName(wire.getRunningModel()), wire.getRunningVersion()),
                        Digest.parse(digest))),
        optional(wire.getErrorCode())
            .map(code -> new SlotReport.Failure(errorCode(code), wire.getErrorDetail())),
        wire.getPredictions(),
        wire.getPredictionsFailed());
  }

  // A newer agent may name a code that this control plane does not know yet: the report still
  // counts.
  private static ErrorCode errorCode(String name) {
    for (ErrorCode code : ErrorCode.values()) {
      if (code.name().equals(name)) {
        return code;
      }
    }
    return ErrorCode.INTERNAL;
  }

  private static io.skerry.wire.fleet.v1.DeviceFacts toWire(DeviceFacts facts) {
    return io.skerry.wire.fleet.v1.DeviceFacts.newBuilder()
        .setArch(facts.arch())
        .addAllCpuFeatures(facts.cpuFeatures())
        .setCores(facts.cores())
        .setMemoryBytes(facts.memoryBytes())
        .addAllAccelerators(facts.accelerators())
        .addAllEngines(facts.engines())
        .setBoard(facts.board())
        .build();
  }

  private static DeviceFacts fromWire(io.skerry.wire.fleet.v1.DeviceFacts wire) {
    return new DeviceFacts(
        wire.getArch(),
        wire.getCpuFeaturesList(),
        wire.getCores(),
        wire.getMemoryBytes(),
        wire.getAcceleratorsList(),
        wire.getEnginesList(),
        wire.getBoard());
  }

  private static io.skerry.wire.fleet.v1.DeviceHealth toWire(DeviceHealth health) {
    io.skerry.wire.fleet.v1.DeviceHealth.Builder builder =
        io.skerry.wire.fleet.v1.DeviceHealth.newBuilder()
            .setInstance(health.instance())
            .setSpoolBytes(health.spoolBytes())
            .setRootVersion(health.rootVersion())
            .setSnapshotVersion(health.snapshotVersion())
            .setCertificateExpiresMillis(
                health.certificateExpires().map(Instant::toEpochMilli).orElse(0L))
            .setTakenOver(health.takenOver())
            .setSystem(health.system())
            .setRuntime(health.runtime());
    health.damaged().forEach((stream, n) -> builder.putDamaged(stream.wireName(), n));
    return builder.build();
  }

  private static DeviceHealth fromWire(io.skerry.wire.fleet.v1.DeviceHealth wire) {
    return new DeviceHealth(
        wire.getInstance(),
        byStream(wire.getDamagedMap()),
        wire.getSpoolBytes(),
        wire.getRootVersion(),
        wire.getSnapshotVersion(),
        Optional.of(wire.getCertificateExpiresMillis())
            .filter(millis -> millis != 0)
            .map(Instant::ofEpochMilli),
        wire.getTakenOver(),
        wire.getSystem(),
        wire.getRuntime());
  }

  private static Map<RecordStream, Long> byStream(Map<String, Long> byName) {
    Map<RecordStream, Long> byStream = new EnumMap<>(RecordStream.class);
    byName.forEach((name, n) -> byStream.put(RecordStream.ofWireName(name), n));
    return byStream;
  }

  private static Optional<String> optional(String text) {
    return text.isEmpty() ? Optional.empty() : Optional.of(text);
  }
}
