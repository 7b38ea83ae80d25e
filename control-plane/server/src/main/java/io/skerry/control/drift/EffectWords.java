package io.skerry.control.drift;

import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.Estimate;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How far what a finding is about moved, in the unit that its kind has. */
final class EffectWords {
  private EffectWords() {}

  /** The shift of a mean; null of anything else, which no deviation measures, and where unknown. */
  static @Nullable Double shiftSigma(DriftFinding finding) {
    Estimate shift = finding.size().shiftSigma();
    boolean known = finding.size().expectedCount() > 0 || shift.value() != 0;
    return switch (finding.movedBy().kind()) {
      case LOCATION, CONDITIONAL -> known ? (Double) shift.value() : null;
      case SCALE, QUALITY, STUCK, CATEGORY, OUTPUT, SHARE, ERROR -> null;
    };
  }

  /** As {@code wrong predictions +9.0 points (+8.1 to +9.9)}. */
  static String of(DriftFinding finding) {
    Double shift = shiftSigma(finding);
    if (shift != null) {
      return String.format(Locale.ROOT, "mean %+.1f standard deviations", shift);
    }
    Estimate effect = finding.effect();
    return switch (finding.movedBy().kind()) {
      case LOCATION, CONDITIONAL, OUTPUT -> "mean " + scaled(effect);
      case SCALE -> "spread " + scaled(effect);
      case QUALITY -> "missing or impossible values " + points(effect);
      case STUCK -> "repeated values " + points(effect);
      case CATEGORY, SHARE -> "share of %s %s".formatted(finding.movedBy().name(), points(effect));
      case ERROR -> "wrong predictions " + points(effect);
    };
  }

  private static String scaled(Estimate effect) {
    return String.format(
        Locale.ROOT,
        "%+.3f of training's scale (%+.3f to %+.3f)",
        effect.value(),
        effect.low(),
        effect.high());
  }

  private static String points(Estimate effect) {
    return String.format(
        Locale.ROOT,
        "%+.1f points (%+.1f to %+.1f)",
        100 * effect.value(),
        100 * effect.low(),
        100 * effect.high());
  }
}
