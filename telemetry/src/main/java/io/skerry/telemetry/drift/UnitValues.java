package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Values of devices, of which those of one unit are one, their mean: devices that share what
 * disturbs them are no more witnesses than one. In the order in which the first of each came.
 */
final class UnitValues {
  private final @Nullable String attribute;
  private final Map<String, double[]> shared = new LinkedHashMap<>();
  private final List<double[]> sums = new ArrayList<>();

  /**
   * None yet.
   *
   * @param attribute that tells which devices are one; null = each is
   */
  UnitValues(@Nullable String attribute) {
    this.attribute = attribute;
  }

  void add(Map<String, String> attributes, double value) {
    String unit = attribute == null ? null : attributes.get(attribute);
    double[] sum = unit == null ? null : shared.get(unit);
    if (sum == null) {
      sum = new double[2];
      sums.add(sum);
      if (unit != null) {
        shared.put(unit, sum);
      }
    }
    sum[0] += value;
    sum[1]++;
  }

  List<Double> values() {
    return sums.stream().map(sum -> sum[0] / sum[1]).toList();
  }
}
