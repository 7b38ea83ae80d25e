package io.skerry.simulator.world;

import io.skerry.contract.JudgedWindow;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.profile.HardwareFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Window;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** The simulation's tables and rollouts. Devices are what they report. */
public final class StandIns {
  private static final long AMOUNT = 3;

  private final MemoryStore store = new MemoryStore(SimDevice.TENANT);
  private final Releases releases = new Releases();
  private final RolloutShell rollouts =
      new RolloutShell(store, releases, this::described, new SamplingRates(.1, .8));

  private final DriftShell drift =
      new DriftShell(
          releases,
          device -> Map.of("profile", described(device).profile().map(ProfileId::value).orElse("")),
          Duration.ofSeconds(1),
          true);

  /** Versions 1 to 3 are released; the third says an amount. */
  public StandIns() {
    releases.release(new ModelVersion(Releases.MODEL, 1), Releases.Behaviour.GOOD);
    releases.release(new ModelVersion(Releases.MODEL, 2), Releases.Behaviour.GOOD);
    releases.releaseAmount(new ModelVersion(Releases.MODEL, AMOUNT));
    releases.release(new ModelVersion(Releases.SECOND_MODEL, 1), Releases.Behaviour.GOOD);
    releases.release(new ModelVersion(Releases.SECOND_MODEL, 2), Releases.Behaviour.GOOD);
    store.beginTerm();
  }

  /** What is watched of a version. */
  public static MonitoringManifest monitoring(long version) {
    return Nature.manifest(new SplittableRandom(7), version == AMOUNT);
  }

  /** What records say that they are of. */
  public ModelRef model(long version, String profile) {
    return ModelRef.newBuilder()
        .setSlot(RolloutShell.SLOT.value())
        .setModel(Releases.MODEL.value())
        .setVersion(version)
        .setManifestDigest(manifest(version, profile).toString())
        .build();
  }

  /** The same of the second model, in the same slot. */
  public ModelRef secondModel(long version, String profile) {
    return model(version, profile).toBuilder()
        .setModel(Releases.SECOND_MODEL.value())
        .setManifestDigest(manifest(Releases.SECOND_MODEL, version, profile).toString())
        .build();
  }

  /** What is taken next is stored together. */
  public void beginTransaction() {
    rollouts.beginTransaction();
  }

  /** Stores records, and counts what rollouts' gates judge. */
  public MemoryStore.Taken take(DeviceId device, RecordStream stream, RecordBatch batch) {
    MemoryStore.Taken taken = store.take(device, stream, batch);
    for (Record record : taken.stored()) {
      if (record.hasWindow()) {
        Window window = record.getWindow();
        rollouts.counted(device, batch.getBootEpoch(), window, releases.counts(window));
        drift.stored(device, window, releases.counts(window));
      } else if (record.hasFeedback()) {
        rollouts.counted(device, record.getFeedback());
      }
    }
    return taken;
  }

  /** Judges every window that came. */
  public List<JudgedWindow> judge() {
    List<JudgedWindow> judged = new ArrayList<>();
    drift.judgeBefore(
        Long.MAX_VALUE,
        verdict -> {
          DriftShell.Judged from = drift.lastJudged();
          judged.add(JudgedWindow.of(from.window(), from.devices(), from.late()));
        });
    return judged;
  }

  /** The process is started anew: what was judged is judged once more. */
  public void restart() {
    if (drift.replay() > 0) {
      throw new AssertionError("a window judged once more has another verdict");
    }
  }

  /** From now on topics overtake each other at a broker. */
  public static void overtake(MemoryBroker broker) {
    broker.overtake(Optional.of(new SplittableRandom(1)));
  }

  /** The tables. */
  public MemoryStore store() {
    return store;
  }

  /** The books of rollouts. */
  public RolloutBooks books() {
    return rollouts;
  }

  /** Begins a rollout. */
  public RolloutId begin(
      RolloutKind kind,
      long version,
      boolean unit,
      List<StageRule> stages,
      RolloutPlan.Limits limits,
      boolean dynamic,
      Duration soak,
      RolloutPlan.Deadlines deadlines,
      Instant now) {
    RolloutPlan plan =
        new RolloutPlan(
            kind,
            stages,
            limits,
            dynamic,
            soak,
            deadlines,
            RolloutPlan.Approval.NONE,
            GateSettings.DEFAULTS.with(GateSettings.DEFAULTS.failures().doing(GateAction.PAUSE)));
    RolloutPart first =
        new RolloutPart(RolloutShell.SLOT, new ModelVersion(Releases.MODEL, version));
    RolloutPart second =
        new RolloutPart(RolloutShell.SECOND_SLOT, new ModelVersion(Releases.SECOND_MODEL, version));
    List<RolloutPart> parts = unit ? List.of(first, second) : List.of(first);
    return rollouts.start(parts, plan, Duration.ofMinutes(1), now).id;
  }

  private Rollout rollout(RolloutId id) {
    for (Rollout rollout : rollouts.all()) {
      if (rollout.id.equals(id)) {
        return rollout;
      }
    }
    throw new IllegalArgumentException("there is no rollout " + id);
  }

  /** The devices of the stages that were opened. */
  public Map<DeviceId, DeploymentState> deployments(RolloutId id) {
    Map<DeviceId, DeploymentState> states = new HashMap<>();
    rollout(id)
        .deployments
        .forEach(
            (device, one) -> {
              if (one.opened) {
                states.put(device, one.state);
              }
            });
    return states;
  }

  /** Who is in none of its stages, or has left its own, and why. */
  public Map<DeviceId, String> outsiders(RolloutId id) {
    Map<DeviceId, String> outsiders = new HashMap<>(rollout(id).outsiders);
    rollout(id)
        .deployments
        .forEach(
            (device, one) -> {
              if (one.state == DeploymentState.NOT_ELIGIBLE) {
                outsiders.put(device, one.reason);
              }
            });
    return outsiders;
  }

  /** What a version is for a profile. */
  public Digest manifest(long version, String profile) {
    return manifest(Releases.MODEL, version, profile);
  }

  /** What a unit's second model is in that version. */
  public Digest secondManifest(long version, String profile) {
    return manifest(Releases.SECOND_MODEL, version, profile);
  }

  private Digest manifest(ModelName model, long version, String profile) {
    return releases
        .variant(new ModelVersion(model, version), new ProfileId(profile))
        .orElseThrow()
        .manifest();
  }

  /** Removes a device. */
  public void remove(DeviceId device) {
    store.remove(device);
    rollouts.removed(device);
  }

  private Described described(DeviceId device) {
    return store
        .report(device)
        .map(ReportedDocument::facts)
        .map(
            facts ->
                Described.of(
                    new HardwareFacts(
                        facts.arch(),
                        facts.cpuFeatures(),
                        facts.cores(),
                        facts.memoryBytes(),
                        facts.accelerators(),
                        facts.engines(),
                        facts.board())))
        // Of one that did not report yet its profile is known, and not its size.
        .orElse(
            new Described(
                Optional.of(Hardware.GATEWAY.profile()),
                HardwareFacts.of("x86-64", List.of(), List.of())));
  }

  /** A replica looks at the rollouts once. */
  public void look(String replica, Instant now) {
    rollouts.tick(replica, Instant.EPOCH, now);
  }

  /** Tells the rollouts that a device came or went. */
  public void moved(DeviceId device, boolean online, Instant now) {
    if (online) {
      rollouts.returned(device, now);
    } else {
      rollouts.left(device, now);
    }
  }
}
