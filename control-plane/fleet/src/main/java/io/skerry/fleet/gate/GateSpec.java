package io.skerry.fleet.gate;

import java.util.List;
import java.util.OptionalDouble;

/**
 * When a metric decides.
 *
 * @param tolerance largest harm that is acceptable: a difference of shares, above 0 and at most 1
 * @param limit where nothing or too little runs the version before to be compared with: the share
 *     that is still good (or, where less is worse, unless the evaluation promised another), 0 to 1
 * @param promote what lets a stage pass
 * @param action what shown harm does
 * @param trialsMin trials before the gate says anything but harm
 */
public record GateSpec(
    Metric metric,
    double tolerance,
    double limit,
    Promote promote,
    GateAction action,
    long trialsMin) {
  /** What lets a stage pass. Names are wire values. */
  public enum Promote {
    /** Harm above the tolerance is ruled out. */
    HARM_RULED_OUT,
    /** The sample is there, and no harm above the tolerance is shown or likely. */
    NO_HARM_SHOWN
  }

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException naming the field that is wrong
   */
  public GateSpec {
    if (!(tolerance > 0 && tolerance <= 1)) {
      throw new IllegalArgumentException(
          "gates.%s.tolerance: %s must be above 0 and at most 1"
              .formatted(metric.wireName(), tolerance));
    }
    if (!(limit >= 0 && limit <= 1)) {
      throw new IllegalArgumentException(
          "gates.%s.limit: %s must be 0 to 1".formatted(metric.wireName(), limit));
    }
    if (trialsMin < 1) {
      throw new IllegalArgumentException(
          "gates.%s.trialsMin: %d must be at least 1".formatted(metric.wireName(), trialsMin));
    }
  }

  /** The same gate, whose stage goes on unless harm is shown or likely. */
  GateSpec withoutProof() {
    return new GateSpec(metric, tolerance, limit, Promote.NO_HARM_SHOWN, action, 1);
  }

  /**
   * What the share is compared with where nothing runs the version before; empty for what can only
   * be compared: predictions have nothing to lie elsewhere than, nor have classes, and how many
   * devices are away at any time is the fleet's own.
   *
   * @param promise accuracy that the new version's evaluation promised
   */
  OptionalDouble reference(OptionalDouble promise) {
    return switch (metric) {
      case FAILED_PREDICTIONS, SLOW_PREDICTIONS, OVER_BUDGET, RESTARTS, MEMORY ->
          OptionalDouble.of(limit);
      case ACCURACY -> promise.isPresent() || limit == 0 ? promise : OptionalDouble.of(limit);
      case ERROR -> limit == 0 ? OptionalDouble.empty() : OptionalDouble.of(limit);
      case PREDICTIONS, CONFIDENCE, ACCURACY_NEGATIVE, ACCURACY_POSITIVE -> OptionalDouble.empty();
      case LOST_DEVICES -> OptionalDouble.empty();
      case SLOW_PREDICTIONS_UNTOLD, OVER_BUDGET_UNTOLD -> OptionalDouble.empty();
      case PREDICTIONS_UNTOLD, CONFIDENCE_UNTOLD -> OptionalDouble.empty();
    };
  }

  /** What decides of these profiles together. */
  Basis basis(List<Comparison> profiles, OptionalDouble promise) {
    return metric.isByLimit()
        ? Basis.ofLimit(profiles, limit)
        : Basis.of(profiles, reference(promise));
  }

  /** The harm of a difference new minus old: positive is worse. */
  double harm(double difference) {
    return switch (metric.harm()) {
      case MORE -> difference;
      case LESS -> -difference;
      case EITHER -> Math.abs(difference);
    };
  }
}
