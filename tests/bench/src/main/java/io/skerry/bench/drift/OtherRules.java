package io.skerry.bench.drift;

import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What other tools do by default, on the same counts: the pooled counts of a cohort in a window
 * against those of its learning period. A window alarms when any cohort and feature does.
 */
final class OtherRules {
  private static final String ALWAYS = "always";
  private static final String PSI = "PSI > .2";
  private static final String KS = "KS p < .05";
  private static final String COLUMNS = "half of the columns KS p < .05";
  private static final String THREE_SIGMA = "3-sigma of the metric";

  /** The ledger, beside them. */
  static final String OURS = "ours";

  /** All, as they are told. */
  static final List<String> TITLES_AND_OURS =
      List.of(ALWAYS, "never", PSI, KS, COLUMNS, THREE_SIGMA, OURS);

  private final String attribute;
  private final int features;
  private final int learningWindows;
  private final Map<String, long[]> reference = new HashMap<>();
  private final Map<String, List<double[]>> history = new HashMap<>();
  private int windows;

  OtherRules(String attribute, int features, int learningWindows) {
    this.attribute = attribute;
    this.features = features;
    this.learningWindows = learningWindows;
  }

  /** Which rules alarm in this window; none while they learn. */
  Set<String> alarms(List<DeviceWindow> devices) {
    Map<String, long[]> pooled = new TreeMap<>();
    for (DeviceWindow one : devices) {
      one.counts()
          .addTo(
              pooled.computeIfAbsent(
                  one.attributes().getOrDefault(attribute, ""),
                  key -> new long[one.counts().layout().bins()]));
    }
    Set<String> alarms = new HashSet<>();
    boolean learning = windows++ < learningWindows;
    WindowCounts any = devices.getFirst().counts();
    pooled.forEach(
        (cohort, counts) -> {
          long[] before = reference.computeIfAbsent(cohort, key -> new long[counts.length]);
          double[] distances = new double[features];
          int ks = 0;
          boolean psi = false;
          for (int f = 0; f < features; f++) {
            int start = any.layout().start(f);
            int end = start + any.layout().bins(f) - 1;
            double[] figures = figures(before, counts, start, end);
            distances[f] = figures[0];
            psi |= figures[0] > .2;
            ks += figures[1] < .05 ? 1 : 0;
          }
          if (learning) {
            for (int i = 0; i < counts.length; i++) {
              before[i] += counts[i];
            }
            history.computeIfAbsent(cohort, key -> new ArrayList<>()).add(distances);
          } else {
            alarms.add(ALWAYS);
            if (psi) {
              alarms.add(PSI);
            }
            if (ks > 0) {
              alarms.add(KS);
            }
            if (2 * ks >= features) {
              alarms.add(COLUMNS);
            }
            if (threeSigma(history.getOrDefault(cohort, List.of()), distances)) {
              alarms.add(THREE_SIGMA);
            }
          }
        });
    return alarms;
  }

  private boolean threeSigma(List<double[]> learned, double[] now) {
    for (int f = 0; f < features; f++) {
      int at = f;
      // The first windows have little to be compared with.
      double[] values =
          learned.stream().skip(learned.size() / 2).mapToDouble(row -> row[at]).toArray();
      double mean = Arrays.stream(values).average().orElse(0);
      double deviation =
          Math.sqrt(Arrays.stream(values).map(v -> (v - mean) * (v - mean)).average().orElse(0));
      if (now[f] > mean + 3 * deviation) {
        return true;
      }
    }
    return false;
  }

  /** PSI, and the p-value of a KS test that takes every value for independent. */
  private static double[] figures(long[] before, long[] now, int start, int end) {
    double m = 0;
    double n = 0;
    for (int i = start; i < end; i++) {
      m += before[i];
      n += now[i];
    }
    if (m == 0 || n == 0) {
      return new double[] {0, 1};
    }
    double psi = 0;
    double d = 0;
    double cumulated = 0;
    for (int i = start; i < end; i++) {
      double q = Math.max(before[i] / m, 1e-4);
      double p = Math.max(now[i] / n, 1e-4);
      psi += (p - q) * Math.log(p / q);
      cumulated += now[i] / n - before[i] / m;
      d = Math.max(d, Math.abs(cumulated));
    }
    double size = Math.sqrt(n * m / (n + m));
    double lambda = (size + .12 + .11 / size) * d;
    double p = 0;
    for (int k = 1; k < 50; k++) {
      p += (k % 2 == 1 ? 2 : -2) * Math.exp(-2.0 * k * k * lambda * lambda);
    }
    return new double[] {psi, lambda < .3 ? 1 : Math.clamp(p, 0, 1)};
  }
}
