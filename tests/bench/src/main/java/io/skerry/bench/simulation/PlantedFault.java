package io.skerry.bench.simulation;

import java.util.List;

/**
 * A mistake that somebody could make, made in one class.
 *
 * @param what it is, for people
 * @param type the class that it is made in
 * @param scenario that is run first; whatever it shows, everything else follows
 */
record PlantedFault(String name, String what, String type, Mutation mutation, String scenario) {
  private static final String UPLINK = "io.skerry.agent.uplink.";
  private static final String UPDATE = "io.skerry.agent.update.";
  private static final String MODEL = "io.skerry.agent.model.";
  private static final String GATE = "io.skerry.fleet.gate.";

  /** No mistake. */
  static final PlantedFault NONE =
      new PlantedFault("none", "nothing is changed", "", Mutation.doesNothing(""), "rollout-day");

  /** All that are made. */
  static final List<PlantedFault> ALL =
      List.of(
          new PlantedFault(
              "lose-the-spool-on-restart",
              "a start finds nothing of what waited on the disk",
              UPLINK + "SpoolShelf",
              Mutation.answersNoneAtAll("recover"),
              "random"),
          new PlantedFault(
              "skip-the-spools-fsync",
              "records are written and never forced to the disk",
              UPLINK + "SpoolSegment",
              Mutation.doesNothing("force"),
              "random"),
          new PlantedFault(
              "skip-a-files-fsync",
              "small files are renamed before their content is forced",
              "io.skerry.agent.disk.DurableFile",
              Mutation.skips("replace", "force"),
              "random"),
          new PlantedFault(
              "skip-a-folders-fsync",
              "a small file's new name is not forced",
              "io.skerry.agent.disk.DurableFile",
              Mutation.skips("replace", "forceFolder"),
              "random"),
          new PlantedFault(
              "reuse-a-boot-epoch",
              "a start takes the number of the one before",
              "io.skerry.agent.boot.BootEpoch",
              Mutation.takesFor("begin", "max", 1L),
              "random"),
          new PlantedFault(
              "reuse-a-sequence",
              "a record gets the number of the one before",
              UPLINK + "Spool",
              Mutation.counts("append", 1L, 0L),
              "random"),
          new PlantedFault(
              "free-more-than-was-committed",
              "a committed range frees every record of its boot epoch",
              UPLINK + "SpoolSegment",
              Mutation.answers("last", 0L),
              "random"),
          new PlantedFault(
              "trust-a-damaged-record",
              "a record's checksum is not looked at",
              UPLINK + "SpoolFrame",
              Mutation.answers("isWhole", 1),
              "damaged-disk"),
          new PlantedFault(
              "forget-dropped-records",
              "records that found no room are not counted",
              UPLINK + "SpoolAccount",
              Mutation.doesNothing("drop"),
              "spool-full"),
          new PlantedFault(
              "keep-no-open-window",
              "what is counted and no record yet is never written down",
              UPLINK + "Spool",
              Mutation.answers("checkpoint", 1),
              "open-window"),
          new PlantedFault(
              "keep-a-closed-window-open",
              "what a record counts stays in what is written down of open windows",
              "io.skerry.agent.observe.OpenWindowTable",
              Mutation.doesNothing("recordMade"),
              "open-window"),
          new PlantedFault(
              "drop-the-dedupe-check",
              "a record that comes again is stored again",
              "io.skerry.protocol.SequenceLedger",
              Mutation.says("take", "DUPLICATE", "STORE"),
              "control-plane-killed"),
          new PlantedFault(
              "ignore-the-generation",
              "an order of a newer generation changes nothing",
              UPDATE + "UpdateMachine",
              Mutation.takesFor("ordered", "isAfter", 0),
              "rollout-day"),
          new PlantedFault(
              "take-an-older-order",
              "an order that comes again behind a newer one is taken for the newest",
              UPDATE + "Updater",
              Mutation.takesFor("accept", "isAfter", 1),
              "random"),
          new PlantedFault(
              "switch-to-nothing",
              "a version that was loaded never answers, and counts as committed",
              UPDATE + "SlotSwitch",
              Mutation.doesNothing("activate"),
              "rollout-day"),
          new PlantedFault(
              "accept-what-nobody-signed",
              "no signature is needed",
              "io.skerry.artifact.trust.Trust",
              Mutation.takesFor("released", "count", 9L),
              "bad-model-refused"),
          new PlantedFault(
              "skip-the-golden-inputs",
              "a model is accepted whatever it answers",
              UPDATE + "Acceptance",
              Mutation.doesNothing("checkGolden"),
              "bad-model-refused"),
          new PlantedFault(
              "never-give-a-crashing-version-up",
              "a version may be started a million times",
              UPDATE + "UpdatePolicy",
              Mutation.answers("startsMax", 1_000_000),
              "bad-model-crash"),
          new PlantedFault(
              "count-no-data-as-success",
              "a gate that saw nothing says PASS",
              GATE + "SequentialGate",
              Mutation.says("judged", "NO_DATA", "PASS"),
              "no-outcomes"),
          new PlantedFault(
              "pass-a-harmful-version",
              "a gate that sees harm says PASS",
              GATE + "SequentialGate",
              Mutation.says("verdict", "FAIL", "PASS"),
              "bad-model-slow"),
          new PlantedFault(
              "pass-a-stage-before-its-soak",
              "a stage soaks for no time",
              "io.skerry.fleet.rollout.RolloutMachine",
              Mutation.takesZeroFor("soaking", "soak", "ZERO"),
              "rollout-day"),
          new PlantedFault(
              "cross-a-stages-boundary",
              "a stage takes one device more than its share",
              "io.skerry.fleet.rollout.StageMembership",
              Mutation.mistakes("take", "ceilDiv", "oneMore"),
              "rollout-day"),
          new PlantedFault(
              "forget-to-subscribe-again",
              "a device that is connected again does not say once more what it wants to hear",
              "io.skerry.simulator.world.MemoryLink",
              Mutation.mistakes("open", "subscribe", "subscribeOnce"),
              "broker-lost"),
          new PlantedFault(
              "forget-to-listen-again",
              "a control plane that is connected again does not say once more what it wants to"
                  + " hear",
              "io.skerry.simulator.world.ControlPlane",
              Mutation.mistakes("connect", "subscribe", "subscribeOnce"),
              "broker-lost"),
          new PlantedFault(
              "never-end-a-lease",
              "the lease of a replica that is gone holds for ever",
              "io.skerry.fleet.rollout.Lease",
              Mutation.takesFor("asked", "isBefore", 1),
              "control-plane-killed"),
          new PlantedFault(
              "believe-any-clock",
              "a device never asks what time it is",
              "io.skerry.agent.time.DeviceClock",
              Mutation.answers("isDoubtful", 0),
              "clock-1970"),
          new PlantedFault(
              "come-back-together",
              "devices wait for the same time before they connect again",
              UPLINK + "Backoff",
              Mutation.takesFor("next", "nextLong", 1000L),
              "reconnect-storm"),
          new PlantedFault(
              "notice-no-clone",
              "two machines with one key count as one",
              "io.skerry.fleet.device.CloneMachine",
              Mutation.answersItsFirstArgument("after"),
              "cloned-identity"),
          new PlantedFault(
              "forget-a-large-shift",
              "an incident is over while its cause lasts",
              "io.skerry.telemetry.drift.Explanations",
              Mutation.takesTheFirstFor("ended", "min"),
              "drift-stuck"),
          new PlantedFault(
              "switch-a-unit-part-by-part",
              "the parts of a unit are switched one after the other",
              UPDATE + "UnitSwitches",
              Mutation.answers("take", 0),
              "unit-rollout"),
          new PlantedFault(
              "switch-before-a-unit-is-whole",
              "a part of a unit does not wait for the others",
              UPDATE + "UnitRule",
              Mutation.answers("all", 1),
              "random-unit"),
          new PlantedFault(
              "forget-a-requests-key",
              "who answers is decided by chance whatever key a request has",
              MODEL + "Predictor",
              Mutation.takesFor("predict", "isEmpty", 1),
              "ab-rollout"),
          new PlantedFault(
              "let-a-trial-answer-everything",
              "a version on trial takes every request whatever its share is",
              MODEL + "Traffic",
              Mutation.takesFor("named", "share", 1.0),
              "ab-rollout"),
          new PlantedFault(
              "let-a-shadow-answer",
              "a version that only shadows can be asked for by its number",
              MODEL + "Traffic",
              Mutation.answers("answers", 1),
              "shadow-rollout"),
          new PlantedFault(
              "leave-a-good-trial-behind",
              "a trial that succeeded is neither promoted nor dropped",
              "io.skerry.fleet.rollout.RolloutMachine",
              Mutation.takesFor("succeeded", "isTrial", 0),
              "ab-rollout"),
          new PlantedFault(
              "leave-an-aborted-trial-behind",
              "a trial that was aborted goes on where it was switched in",
              "io.skerry.fleet.rollout.RolloutMachine",
              Mutation.takesFor("takenBack", "isTrial", 0),
              "shadow-rollout"),
          new PlantedFault(
              "repair-nobody",
              "devices that lag behind their orders are not told again",
              "io.skerry.simulator.world.MemoryStore",
              Mutation.answers("repair", 0),
              "broker-lost"));
}
