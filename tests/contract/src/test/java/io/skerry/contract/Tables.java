package io.skerry.contract;

import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Pace;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.simulator.world.StandIns;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * What a control plane keeps of devices, records, orders and rollouts, and the real ways to it.
 * Versions 1 to 3 are packaged for {@code x86-64-avx2}, which every device is when it is enrolled,
 * and for {@code arm64-dotprod}.
 */
interface Tables {
  /** Ends the control plane's process and starts it again on what is kept. */
  void restart();

  /** Enrols a device that is connected, of boot epoch 1. */
  void enrol(DeviceId device);

  /** Removes a device. */
  void remove(DeviceId device);

  /** A device's birth or death, in its first boot epoch. */
  default void present(DeviceId device, boolean online) {
    present(device, online, 1);
  }

  /** A device's birth or death. */
  void present(DeviceId device, boolean online, long bootEpoch);

  /** The broker knows nobody any more. */
  void forgetPresence();

  /** Whether the device is connected, as far as it is known. */
  boolean isOnline(DeviceId device);

  /** Stores what a device reports; whether it was newer than what was known. */
  boolean report(ReportedDocument report);

  /** Stores a batch of events, and returns what the device may then free. */
  default List<CommittedRange> take(DeviceId device, RecordBatch batch) {
    return take(device, RecordStream.EVENTS, List.of(batch));
  }

  /** Stores batches of a stream together, and returns what the device may then free. */
  List<CommittedRange> take(DeviceId device, RecordStream stream, List<RecordBatch> together);

  /** What records say that they are of: a version in the slot {@code main}. */
  ModelRef model(long version, String profile);

  /** The version that says an amount, which is not right or wrong. */
  long AMOUNT = 3;

  /** What is watched of a version: of 1 and 2 a score, of 3 an amount. */
  static MonitoringManifest monitoring(long version) {
    return StandIns.monitoring(version);
  }

  /**
   * Judges every window of the model in the slot {@code main} that is due and was not judged, and
   * tells from what, in the order in which they were.
   */
  List<JudgedWindow> judge();

  /** Sequences of a device's stored events, ascending; one that is stored twice comes twice. */
  List<Long> stored(DeviceId device, long bootEpoch);

  /** A device's events, counted. */
  Counts counts(DeviceId device);

  /**
   * Records by what became of them.
   *
   * @param missing heard of, and not accounted for
   * @param lost dropped or damaged on the device
   */
  record Counts(long stored, long duplicates, long missing, long lost) {}

  /** Orders a version for the slot {@code main} of these devices. */
  void order(List<DeviceId> devices, long version);

  /** Documents that wait to be published, who has waited longest first. */
  List<Waiting> waiting(int limit);

  /**
   * A document that waits.
   *
   * @param ticket what the outbox knows it by
   */
  record Waiting(DesiredDocument document, Object ticket) {}

  /** The broker has these. */
  void published(List<Waiting> documents);

  /** Queues again what devices that are connected have not seen; how many. */
  int repair();

  /** Queues every document again. */
  void queueAll();

  /** Lifts orders above what their devices have seen. */
  void outrank();

  /** The books of rollouts. */
  RolloutBooks books();

  /** Begins a rollout. */
  RolloutId begin(Wish wish, Instant now);

  /**
   * A version for the devices that can run it.
   *
   * @param unit whether the second model's goes with it
   * @param dynamic whether devices join that come or fit later
   */
  record Wish(
      RolloutKind kind,
      long version,
      boolean unit,
      List<StageRule> stages,
      boolean dynamic,
      RolloutPlan.Limits limits) {
    /** Until a device that does not begin is late. */
    static final Duration START = Duration.ofMinutes(30);

    /** Until a device that does not have the version was not reached. */
    static final Duration PROGRESS = Duration.ofHours(2);

    /** Until those that are away are put off. */
    static final Duration STAGE = Duration.ofHours(12);

    static final RolloutPlan.Deadlines DEADLINES =
        new RolloutPlan.Deadlines(START, Duration.ofHours(1), PROGRESS, STAGE);
    static final Duration WINDOW = Duration.ofMinutes(1);
    static final int SOAK_WINDOWS = 24 * 60;

    /** Without a limit. */
    static Wish of(long version, StageRule... stages) {
      return new Wish(
          new RolloutKind.Replace(),
          version,
          false,
          List.of(stages),
          false,
          RolloutPlan.Limits.NONE);
    }

    /** In a slot of its own beside the active version. */
    Wish onTrial(RolloutKind trial) {
      return new Wish(trial, version, unit, stages, dynamic, limits);
    }

    /** Together with the second model's. */
    Wish asUnit() {
      return new Wish(kind, version, true, stages, dynamic, limits);
    }

    Wish dynamically() {
      return new Wish(kind, version, unit, stages, true, limits);
    }

    Wish holdingBack(int devices) {
      return with(
          new RolloutPlan.Limits(
              devices, limits.pace(), limits.inFlight(), limits.catchUp(), limits.windows()));
    }

    Wish at(Pace pace) {
      return with(
          new RolloutPlan.Limits(
              limits.holdback(), pace, limits.inFlight(), limits.catchUp(), limits.windows()));
    }

    Wish inFlight(int devices) {
      return with(
          new RolloutPlan.Limits(
              limits.holdback(), limits.pace(), devices, limits.catchUp(), limits.windows()));
    }

    Wish catchUp(int devices) {
      return with(
          new RolloutPlan.Limits(
              limits.holdback(), limits.pace(), limits.inFlight(), devices, limits.windows()));
    }

    private Wish with(RolloutPlan.Limits other) {
      return new Wish(kind, version, unit, stages, dynamic, other);
    }
  }

  /** The devices of the stages that were opened. */
  Map<DeviceId, DeploymentState> deployments(RolloutId rollout);

  /** Who is in none of its stages, or has left its own, and why. */
  Map<DeviceId, String> outsiders(RolloutId rollout);

  /** What a version is for a profile. */
  Digest manifest(long version, String profile);

  /** What a unit's second model is in that version, 1 or 2. */
  Digest secondManifest(long version, String profile);

  /** What records say that are of the second model, in the slot {@code main}. */
  ModelRef secondModel(long version, String profile);

  /** A replica looks at a rollout once, and for newcomers, if it gets its lease. */
  void look(RolloutId rollout, String replica, Instant now);
}
