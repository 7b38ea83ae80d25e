package io.skerry.telemetry.drift;

import java.util.ArrayDeque;
import java.util.Deque;

/** One stream of one cohort: its detector and its latest effects. */
final class CohortStream {
  private record Effect(long window, double effect) {}

  private final ShiftDetector detector = new ShiftDetector();
  private final Deque<Effect> effects = new ArrayDeque<>();

  void observe(long window, double[] residuals, double tolerance, double clip) {
    double[] y = new double[residuals.length];
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      y[i] = Math.clamp(residuals[i] / clip, -1, 1);
      sum += residuals[i];
    }
    detector.observe(window, y, Math.min(.95, tolerance / clip));
    effects.addLast(new Effect(window, sum / residuals.length));
    if (effects.size() > CohortCounts.WINDOWS_KEPT) {
      effects.removeFirst();
    }
  }

  ShiftDetector detector() {
    return detector;
  }

  double effect() {
    Effect last = effects.peekLast();
    return last == null ? 0 : last.effect();
  }

  double effectSince(long window) {
    return effects.stream()
        .filter(effect -> effect.window() >= window)
        .mapToDouble(Effect::effect)
        .average()
        .orElse(0);
  }
}
