package io.skerry.telemetry.drift;

import io.skerry.telemetry.sketch.CoMoments;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How the correlation of two features changed within devices.
 *
 * <pre>{@code
 * d = mean over devices of (r_after - r_before)      standard error over devices, or units
 * }</pre>
 *
 * <p>The unit is the device: predictions of one are alike, and how devices differ from each other
 * is no correlation within any. All weigh the same, however much they count: one of n moves the
 * mean by 2 / n at most, whatever it says. Devices of one unit, which share what disturbs them, are
 * one: their mean. Intervals hold with 95 % for all pairs together.
 *
 * @param one place of a feature among those that are summed up pair by pair
 * @param other place of the other
 * @param before correlation within devices, on average
 * @param after the same, later
 * @param change of the correlation
 * @param devices that told both
 * @param predictionsBefore that were summed up
 * @param predictionsAfter the same, later
 */
public record CorrelationChange(
    int one,
    int other,
    double before,
    double after,
    Estimate change,
    int devices,
    long predictionsBefore,
    long predictionsAfter) {
  /** Fewer devices, or units, tell nothing of a spread between them. */
  public static final int DEVICES_MIN = 8;

  private static final int PREDICTIONS_MIN = 30;

  private static final String UNIT = "unit";

  /**
   * What one device summed up.
   *
   * @param after of the same features as {@code before}
   * @param unit that it is one of; empty = it has a say of its own
   */
  public record Device(CoMoments before, CoMoments after, Optional<String> unit) {
    /** One that has a say of its own. */
    public Device(CoMoments before, CoMoments after) {
      this(before, after, Optional.empty());
    }

    /** The same, as one of a unit. */
    public Device of(String unit) {
      return new Device(before, after, Optional.of(unit));
    }
  }

  /** Every pair that enough devices tell of, those that changed most surely first. */
  public static List<CorrelationChange> of(List<Device> devices) {
    List<Device> told =
        devices.stream()
            .filter(
                one ->
                    one.before().count() >= PREDICTIONS_MIN
                        && one.after().count() >= PREDICTIONS_MIN)
            .toList();
    if (told.size() < DEVICES_MIN) {
      return List.of();
    }
    int features = told.getFirst().before().features().length;
    double z = Bonferroni.z((long) features * (features - 1) / 2);
    List<CorrelationChange> changes = new ArrayList<>();
    for (int one = 0; one < features; one++) {
      for (int other = one + 1; other < features; other++) {
        of(told, one, other, z).ifPresent(changes::add);
      }
    }
    changes.sort(Comparator.comparingDouble(CorrelationChange::surety).reversed());
    return changes;
  }

  private double surety() {
    return Math.abs(change.value()) / Math.max(1e-9, change.halfWidth());
  }

  private static Optional<CorrelationChange> of(
      List<Device> devices, int one, int other, double z) {
    UnitValues firsts = new UnitValues(UNIT);
    UnitValues moves = new UnitValues(UNIT);
    int told = 0;
    long predictionsBefore = 0;
    long predictionsAfter = 0;
    for (Device device : devices) {
      double first = bounded(device.before().correlation(one, other));
      double moved = bounded(device.after().correlation(one, other)) - first;
      // A feature that was constant has none.
      if (!Double.isNaN(moved)) {
        Map<String, String> unit =
            device.unit().map(value -> Map.of(UNIT, value)).orElseGet(Map::of);
        told++;
        firsts.add(unit, first);
        moves.add(unit, moved);
        predictionsBefore += device.before().count();
        predictionsAfter += device.after().count();
      }
    }
    List<Double> units = moves.values();
    int n = units.size();
    if (n < DEVICES_MIN) {
      return Optional.empty();
    }
    double base = sum(firsts.values()) / n;
    double mean = sum(units) / n;
    double squares = sum(units.stream().map(moved -> moved * moved).toList());
    double error = Math.sqrt(Math.max(0, squares / n - mean * mean) / (n - 1));
    return Optional.of(
        new CorrelationChange(
            one,
            other,
            base,
            base + mean,
            new Estimate(mean, mean - z * error, mean + z * error),
            told,
            predictionsBefore,
            predictionsAfter));
  }

  private static double sum(List<Double> values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }

  // Rounding takes it a little beyond 1.
  private static double bounded(double correlation) {
    return Math.max(-1, Math.min(1, correlation));
  }
}
