package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Of two cohorts of which each is the other's peers: the one that moved. How they differ says it of
 * neither, so they are told by how far each is from the course that the whole fleet had.
 *
 * <pre>{@code
 * odds  ln = (a^2 - b^2) / (2 v)      a, b medians of the distances;  v variance of the fleet's
 *                                     level and of both medians
 * }</pre>
 *
 * <p>Where the odds say little, or the course is not learned yet, the one moved where more is
 * missing, stuck or wrong, for things break more often than they heal; and of what is neither
 * better nor worse it may be either: named is the smaller one, for what breaks begins with few.
 */
final class TwoSides {
  // 20 to 1, as elsewhere.
  private static final double SURE = 3;

  private final Statistics statistics;
  private final @Nullable FleetLevel level;

  /**
   * Of one window.
   *
   * @param level of the fleet; null where there is no season, and none is known
   */
  TwoSides(Statistics statistics, @Nullable FleetLevel level) {
    this.statistics = statistics;
    this.level = level;
  }

  /**
   * Who moved.
   *
   * @param otherwise who it was if not this one; null where that is clear
   */
  record Side(Cohort moved, @Nullable Cohort otherwise) {}

  /** The one that moved, by a statistic. */
  Side moved(Cohort one, Cohort other, int statistic, List<Judged> devices) {
    // How far a feature is, given the others, has no level: the feature itself has one.
    int at =
        statistics.stream(statistic).kind() == Stream.Kind.CONDITIONAL
            ? statistic - statistics.inputCount()
            : statistic;
    Distance ofOne = distance(one, at, devices);
    Distance ofOther = distance(other, at, devices);
    if (level != null) {
      double odds =
          (ofOne.square() - ofOther.square())
              / (2 * (level.variance(at) + ofOne.variance() + ofOther.variance()));
      if (Math.abs(odds) > SURE) {
        return new Side(odds > 0 ? one : other, null);
      }
    }
    if (statistics.stream(statistic).kind().isWorseAbove()) {
      return new Side(ofOne.residual() >= ofOther.residual() ? one : other, null);
    }
    return ofOne.devices() <= ofOther.devices() ? new Side(one, other) : new Side(other, one);
  }

  private record Distance(int devices, double residual, double square, double variance) {}

  private Distance distance(Cohort cohort, int statistic, List<Judged> devices) {
    List<Float> known = new ArrayList<>();
    int members = 0;
    int told = 0;
    double residuals = 0;
    for (Judged one : devices) {
      if (cohort.holds(one.window().attributes())) {
        members++;
        float recent = one.device().recent(statistic);
        residuals += Float.isNaN(recent) ? 0 : recent;
        told += Float.isNaN(recent) ? 0 : 1;
        float distance = one.distance(statistic);
        if (!Float.isNaN(distance)) {
          known.add(distance);
        }
      }
    }
    double residual = residuals / Math.max(1, told);
    if (level == null || known.isEmpty()) {
      return new Distance(members, residual, Double.NaN, 0);
    }
    float[] values = new float[known.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = known.get(i);
    }
    float median = Median.of(values, values.length);
    double off = median - level.course(statistic);
    return new Distance(
        members, residual, off * off, FleetLevel.mixVariance(values, median, values.length));
  }
}
