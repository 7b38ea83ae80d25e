package io.skerry.telemetry.drift;

import java.util.List;

/**
 * What a finding was reached from, in its last window: enough to reach its figures again without
 * any record of any window.
 *
 * <pre>{@code
 * cohort   e(s, b) = E^part,  E = prod over units of (1 + b x), of more than 256 units exp(b sum x - psi(b) sum x^2)
 *          x = (s y - tolerance) / (1 + tolerance)          y = residual / scale, clipped to [-1, 1]
 * fleet    e(s, b) = min(e^5, exp(b z - b^2 / 2))           z = (s y - tolerance) / scale
 * M(s, b)  = (before(s, b) + 1) e(s, b)                     ln M = ln of the mean over s and b
 * opened when ln M >= ln(windowsPerFalseAlarm x detectors)
 * }</pre>
 *
 * @param fleet whether the whole fleet's level was judged, and not a cohort against its peers
 * @param bets b, of each sign s in the same order
 * @param before M of each bet before this window, rising first, then falling
 * @param units that had a say: devices, or values of the unit attribute
 * @param values y of each unit; empty of more than 256
 * @param sum of y
 * @param squares sum of y squared
 * @param tolerance of the mean of y
 * @param scale residual at which y is 1; of the fleet the level's deviation, y then the level
 *     itself
 * @param part of the evidence that counts, less where peers are few; 0 where an earlier build let
 *     all of it count
 * @param windowsPerFalseAlarm that are promised
 * @param detectors that are watched
 * @param edges between the bins that the feature was compared in, in its own unit; empty of an
 *     output, whose bins stand in their order, those that nobody counted in left out
 * @param expected counts of the cohort while it learned, by bin, each device as far as it may count
 * @param observed counts of the cohort in this window
 */
public record DriftEvidence(
    boolean fleet,
    List<Double> bets,
    List<Double> before,
    int units,
    List<Double> values,
    double sum,
    double squares,
    double tolerance,
    double scale,
    double part,
    long windowsPerFalseAlarm,
    int detectors,
    List<Double> edges,
    List<Long> expected,
    List<Long> observed) {
  public DriftEvidence {
    bets = List.copyOf(bets);
    before = List.copyOf(before);
    values = List.copyOf(values);
    edges = List.copyOf(edges);
    expected = List.copyOf(expected);
    observed = List.copyOf(observed);
  }

  /** Whether it was reached by this build's formula. */
  public boolean isCurrent() {
    return part > 0;
  }

  /** The evidence, reached again. */
  public double logEvidence() {
    if (fleet) {
      LevelDetectors detector = new LevelDetectors(1);
      detector.take(0, array(before));
      detector.observe(0, sum, tolerance, scale);
      return detector.logM(0);
    }
    double counts = part > 0 ? part : 1;
    ShiftDetectors detector = new ShiftDetectors(1);
    detector.take(0, array(before));
    if (values.isEmpty()) {
      detector.observe(0, units, sum, squares, tolerance, counts);
    } else {
      double[] products = new double[before.size()];
      java.util.Arrays.fill(products, 1);
      values.forEach(y -> ShiftDetectors.bet(products, 0, y, tolerance));
      detector.observe(0, products, counts);
    }
    return detector.logM(0);
  }

  /** The threshold, reached again. */
  public double logThreshold() {
    return Math.log((double) windowsPerFalseAlarm * Math.max(1, detectors));
  }

  /** The effect on the feature's counts, reached again; without counts only the shift. */
  public EffectSize size(Estimate shiftSigma) {
    return expected.isEmpty()
        ? EffectSize.ofShift(shiftSigma)
        : EffectSize.of(
            expected.stream().mapToLong(Long::longValue).toArray(),
            observed.stream().mapToLong(Long::longValue).toArray(),
            shiftSigma);
  }

  private static double[] array(List<Double> of) {
    return of.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
