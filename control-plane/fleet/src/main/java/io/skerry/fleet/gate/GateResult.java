package io.skerry.fleet.gate;

import io.skerry.protocol.SlotId;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * One gate's verdict at one moment, with everything needed to understand it.
 *
 * @param gate for example {@code feedback}
 * @param scope a hardware profile's id, or {@code pooled}; of the open stage's own devices {@code
 *     stage} or {@code stage PROFILE}; of a unit's part its slot and one of these, such as {@code
 *     vision/pooled}
 * @param reason one sentence with the numbers that decided
 * @param required whether the stage cannot pass without this gate passing
 * @param numbers what was computed, by name, in the order of the names
 */
public record GateResult(
    String gate,
    String scope,
    Verdict verdict,
    String reason,
    boolean required,
    GateAction action,
    Map<String, Double> numbers) {
  /** Scope of a gate that judges all profiles of a stage together. */
  public static final String POOLED = "pooled";

  /** Scope of a gate that judges the devices of the open stage alone, all profiles together. */
  public static final String STAGE = "stage";

  public GateResult {
    numbers = Collections.unmodifiableMap(new TreeMap<>(numbers));
  }

  /** The same of one part of a unit. */
  GateResult ofPart(SlotId slot) {
    return new GateResult(gate, slot + "/" + scope, verdict, reason, required, action, numbers);
  }

  /** The gate; of a unit's part with its slot before it, such as {@code vision/memory}. */
  public String name() {
    return scope.substring(0, scope.indexOf('/') + 1) + gate;
  }

  /** Whether it tells of the open stage's own devices only, so that another stage's are others. */
  public boolean isOfStageAlone() {
    String within = scope.substring(scope.indexOf('/') + 1);
    return within.equals(STAGE) || within.startsWith(STAGE + " ");
  }

  /** Whether this result keeps its stage from passing: a gate not required only by shown harm. */
  public boolean blocks() {
    return switch (verdict) {
      case PASS -> false;
      case FAIL -> true;
      case INCONCLUSIVE, NO_DATA -> required;
    };
  }

  @Override
  public String toString() {
    return "%s (%s) %s: %s".formatted(gate, scope, verdict, reason);
  }
}
