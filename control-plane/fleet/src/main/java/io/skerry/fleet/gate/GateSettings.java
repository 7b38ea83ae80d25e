package io.skerry.fleet.gate;

import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * The gates of a rollout.
 *
 * @param failures devices that fail the update
 * @param metrics what the version does on the devices, each metric at most once
 */
public record GateSettings(ShareLimit failures, List<GateSpec> metrics) {
  /** Chance that a rollout without any harm is ever stopped by a gate, over all of its stages. */
  public static final double FALSE_ABORT = .005;

  /** Chance that a gate ever rules out harm that is there. */
  public static final double FALSE_PASS = .005;

  /**
   * At most 20 % of the devices fail the update; failed and slow predictions, those over the
   * budget, restarts, accuracy and error within one point; memory, predictions, confidence and
   * devices that are away within 5.
   */
  public static final GateSettings DEFAULTS =
      new GateSettings(
          new ShareLimit(.2, 3, true, GateAction.ROLLBACK),
          List.of(
              spec(Metric.FAILED_PREDICTIONS, .01, .01, GateAction.ROLLBACK, 50),
              spec(Metric.SLOW_PREDICTIONS, .01, .01, GateAction.ROLLBACK, 200),
              unlessShown(Metric.OVER_BUDGET, .01, .01, GateAction.ROLLBACK, 50),
              unlessShown(Metric.RESTARTS, .01, .01, GateAction.ROLLBACK, 10),
              unlessShown(Metric.MEMORY, .05, .8, GateAction.PAUSE, 10L * Metric.MEMORY_TRIALS),
              unlessShown(Metric.PREDICTIONS, .05, .5, GateAction.PAUSE, 200),
              unlessShown(Metric.CONFIDENCE, .05, 0, GateAction.PAUSE, 200),
              spec(Metric.ACCURACY, .01, 0, GateAction.ROLLBACK, 40),
              unlessShown(Metric.ACCURACY_NEGATIVE, .05, 0, GateAction.ROLLBACK, 1),
              unlessShown(Metric.ACCURACY_POSITIVE, .05, 0, GateAction.ROLLBACK, 1),
              spec(Metric.ERROR, .01, 0, GateAction.ROLLBACK, 40),
              unlessShown(Metric.LOST_DEVICES, .05, 0, GateAction.PAUSE, 1)));

  /**
   * Checks that each metric has one gate.
   *
   * @throws IllegalArgumentException naming the metric that has two
   */
  public GateSettings {
    metrics = List.copyOf(metrics);
    Set<Metric> seen = new HashSet<>();
    for (GateSpec spec : metrics) {
      if (!seen.add(spec.metric())) {
        throw new IllegalArgumentException(
            "gates.%s: there are two of this metric".formatted(spec.metric().wireName()));
      }
    }
  }

  private static GateSpec spec(
      Metric metric, double tolerance, double limit, GateAction action, long trialsMin) {
    return new GateSpec(
        metric, tolerance, limit, GateSpec.Promote.HARM_RULED_OUT, action, trialsMin);
  }

  private static GateSpec unlessShown(
      Metric metric, double tolerance, double limit, GateAction action, long trialsMin) {
    return new GateSpec(
        metric, tolerance, limit, GateSpec.Promote.NO_HARM_SHOWN, action, trialsMin);
  }

  /** The same gates, this metric's replaced or added. */
  public GateSettings with(GateSpec changed) {
    List<GateSpec> all = new ArrayList<>(metrics);
    all.removeIf(spec -> spec.metric() == changed.metric());
    all.add(changed);
    return new GateSettings(failures, all);
  }

  /** The same gates without those on outcomes. */
  public GateSettings withoutOutcomes() {
    return new GateSettings(
        failures, metrics.stream().filter(spec -> !spec.metric().isOfOutcomes()).toList());
  }

  /** The same gates with another limit on devices that fail the update. */
  public GateSettings with(ShareLimit changed) {
    return new GateSettings(changed, metrics);
  }

  /**
   * The verdict of every gate, in a fixed order. Without a version before, or with few that still
   * run it, the limits decide instead of the comparison; what can only be compared is then left
   * out. Each part of a unit is judged by itself: beside good ones a bad one would not be seen.
   *
   * <p>Devices of earlier stages dilute harm that only those of the open stage suffer, which are
   * therefore judged alone, too. As many as the first stage had must give the proof that was asked
   * of that; of fewer, harm that is shown or likely stops or holds, and fewer than five hold
   * nothing.
   */
  public List<GateResult> judge(OpenStage stage, Evidence evidence) {
    List<GateResult> results = new ArrayList<>(FailureGate.judge(stage.devices(), failures));
    results.addAll(FailureGate.judgeStage(stage.alone(), failures));
    if (evidence.parts().isEmpty()) {
      results.addAll(judgeModel(stage, evidence, stage.looks()));
    }
    evidence
        .parts()
        .forEach(
            (slot, part) ->
                judgeModel(stage, part, stage.looks() * evidence.parts().size())
                    .forEach(result -> results.add(result.ofPart(slot))));
    return results;
  }

  private List<GateResult> judgeModel(OpenStage stage, Evidence evidence, int looks) {
    Map<ProfileId, Long> running = running(stage.devices(), evidence);
    boolean replaces = stage.replaces() && !evidence.first();
    List<GateResult> results =
        judgeMetrics(
            metrics,
            evidence,
            running,
            replaces,
            new Shares(looks, OpenStage.profiles(stage.devices(), stage.silent())),
            stage);
    Map<ProfileId, Long> own = running(stage.alone(), evidence.ofStage());
    if (stage.isJudgedAlone() && !own.isEmpty()) {
      boolean few = own.values().stream().mapToLong(Long::longValue).sum() < StageGate.DEVICES_MIN;
      judgeMetrics(
              stage.asLarge() ? metrics : StageGate.withoutProof(metrics),
              evidence.ofStage(),
              own,
              replaces,
              new Shares(looks, OpenStage.profiles(stage.alone(), stage.silent())),
              stage)
          .forEach(result -> results.add(StageGate.ofStage(result, stage.asLarge(), few)));
    }
    return results;
  }

  // Among how many the chance of a false stop is dealt: it must not change while a stage is
  // watched.
  private record Shares(int looks, int profiles) {}

  private List<GateResult> judgeMetrics(
      List<GateSpec> specs,
      Evidence evidence,
      Map<ProfileId, Long> running,
      boolean replaces,
      Shares shares,
      OpenStage stage) {
    List<GateResult> results = new ArrayList<>();
    Evidence touched = running.isEmpty() ? evidence : evidence.of(running.keySet());
    double falseAbort =
        falseAbort(shares.looks(), Math.max(shares.profiles(), touched.profiles().size()));
    for (GateSpec spec : specs) {
      if (isJudged(spec, touched)) {
        SequentialGate.Risk risk =
            new SequentialGate.Risk(
                falseAbort, FALSE_PASS, replaces, stage.capped(), stage.trial());
        results.addAll(SequentialGate.judge(spec, touched, running, risk));
      }
    }
    return results;
  }

  // Devices with the new version, by profile: that committed it, or that tell of it.
  private static Map<ProfileId, Long> running(
      Map<ProfileId, FailureGate.Devices> devices, Evidence evidence) {
    Map<ProfileId, Long> running = new HashMap<>();
    devices.forEach((profile, ended) -> running.put(profile, ended.ended() - ended.failed()));
    evidence
        .profiles()
        .forEach((profile, seen) -> running.merge(profile, seen.devices(), Math::max));
    running.values().removeIf(count -> count == 0);
    return running;
  }

  // Each verdict may err by its part: every profile's and, of several, the pooled one.
  private double falseAbort(int looks, int profiles) {
    int verdicts = profiles > 1 ? profiles + 1 : 1;
    return FALSE_ABORT / Math.max(1, looks * metrics.size() * verdicts);
  }

  private static boolean isJudged(GateSpec spec, Evidence evidence) {
    return spec.reference(evidence.promise()).isPresent()
        || evidence.profiles().values().stream()
            .anyMatch(
                seen ->
                    seen.of(spec.metric()).hasControls()
                        || seen.untold(spec.metric()).hasControls());
  }

  /**
   * The smallest harm of each metric that can be told from none, and what that needs.
   *
   * @param sizes of a stage, by profile
   * @param promise accuracy that the new version's evaluation promised
   * @param stages of the rollout
   * @param parts of a unit; 1 of one model
   * @return by scope: every profile and, of several, {@link GateResult#POOLED}
   */
  public Map<String, List<Outlook>> outlook(
      Map<ProfileId, Outlook.Size> sizes, OptionalDouble promise, int stages, int parts) {
    return Outlook.of(
        this, sizes, promise, falseAbort(OpenStage.looks(stages, true) * parts, sizes.size()));
  }

  /**
   * The same of the devices of a later stage by themselves, which are judged alone, too.
   *
   * @param asLarge whether the stage has as many devices as the first one, or more
   * @return by scope: {@link GateResult#STAGE} and its profiles
   */
  public Map<String, List<Outlook>> outlookAlone(
      Map<ProfileId, Outlook.Size> sizes,
      OptionalDouble promise,
      int stages,
      int parts,
      boolean asLarge) {
    long devices = sizes.values().stream().mapToLong(Outlook.Size::devices).sum();
    boolean few = devices < StageGate.DEVICES_MIN;
    GateSettings asked =
        asLarge ? this : new GateSettings(failures, StageGate.withoutProof(metrics));
    Map<String, List<Outlook>> alone = new LinkedHashMap<>();
    asked
        .outlook(sizes, promise, stages, parts)
        .forEach(
            (scope, seen) ->
                alone.put(
                    StageGate.scope(scope),
                    seen.stream().map(one -> StageGate.ofStage(one, asLarge, few)).toList()));
    return alone;
  }
}
