package io.skerry.fleet.gate;

import java.util.Arrays;
import java.util.Optional;

/**
 * What a gate counts, as hits among trials of one version on one device. Wire names are never
 * renamed.
 */
public enum Metric {
  /** Predictions that failed for a fault of the model or of ours, among all. */
  FAILED_PREDICTIONS(1, "failed-predictions", Harm.MORE, true),
  /** Predictions slower than the latency that 1 in 100 predictions of the old version exceeds. */
  SLOW_PREDICTIONS(2, "latency-p99", Harm.MORE, false),
  /** Restarts of the agent's process, among counting windows. */
  RESTARTS(3, "restarts", Harm.MORE, false),
  /**
   * Memory that the agent's process has resident at the end of a counting window, as a share of the
   * device's memory; a reading counts as {@link #MEMORY_TRIALS} trials.
   */
  MEMORY(4, "memory", Harm.MORE, false),
  /**
   * Where predictions lie in the range of their reference, from 0 (lowest bin) to 1; of several
   * classes, each has a {@link #place}.
   */
  PREDICTIONS(5, "prediction-distribution", Harm.EITHER, false),
  /**
   * How far predictions lie from the middle between two classes, 0 to 1; of several classes, the
   * probability of the predicted one.
   */
  CONFIDENCE(6, "confidence", Harm.LESS, false),
  /** Predictions that were right, among those whose actual outcome is known. */
  ACCURACY(7, "accuracy", Harm.LESS, false),
  /** Of the outcomes that were negative, those predicted so. */
  ACCURACY_NEGATIVE(8, "accuracy-negative", Harm.LESS, false),
  /** Of the outcomes that were positive, those predicted so. */
  ACCURACY_POSITIVE(9, "accuracy-positive", Harm.LESS, false),
  /** Predictions slower than the hardware profile's latency budget. */
  OVER_BUDGET(10, "latency-budget", Harm.MORE, false),
  /**
   * How far predictions of an amount were off, as a share of the range that the new version says of
   * its reference, at most all of it; of those whose actual outcome is known. Of such a model
   * nothing is {@link #ACCURACY}.
   */
  ERROR(11, "error", Harm.MORE, false),
  /**
   * Windows that tell nothing of {@link #SLOW_PREDICTIONS}, for their device added bins up across
   * the latency that is asked about; trials without hits. No gate is on it or on those that are
   * called untold.
   */
  SLOW_PREDICTIONS_UNTOLD(12, "latency-p99-untold", Harm.MORE, false),
  /** The same of {@link #OVER_BUDGET}. */
  OVER_BUDGET_UNTOLD(13, "latency-budget-untold", Harm.MORE, false),
  /** The same of {@link #PREDICTIONS}, where others add up fewer bins. */
  PREDICTIONS_UNTOLD(14, "prediction-distribution-untold", Harm.MORE, false),
  /** The same of {@link #CONFIDENCE}. */
  CONFIDENCE_UNTOLD(15, "confidence-untold", Harm.MORE, false),
  /**
   * Devices that are away, among those that were there: of the new version when they were ordered
   * it, of the controls when they told something since the stage opened. A device is one trial, and
   * counts as it is now; see {@link ArmSums#ofDevices}.
   */
  LOST_DEVICES(16, "lost-devices", Harm.MORE, false);

  /** Which way a difference hurts. */
  public enum Harm {
    MORE,
    LESS,
    EITHER
  }

  /** The highest number of a metric. */
  public static final int NUMBER_MAX = 16;

  /** What a reading of memory weighs: it is measured, and says more than one hit or miss. */
  public static final int MEMORY_TRIALS = 100;

  private static final double GOLDEN = (Math.sqrt(5) - 1) / 2;

  private final int number;
  private final String wireName;
  private final Harm harm;
  private final boolean essential;

  Metric(int number, String wireName, Harm harm, boolean essential) {
    this.number = number;
    this.wireName = wireName;
    this.harm = harm;
    this.essential = essential;
  }

  /** The name in files, API and pages. */
  public String wireName() {
    return wireName;
  }

  /** Its place in stored arrays, from 1; never given to another metric. */
  public int number() {
    return number;
  }

  /**
   * Where a class lies between 0 and 1 though classes have no order: any two lie apart (multiples
   * of the golden ratio; Knuth 1973, 6.4), so that the mean moves when some are predicted more and
   * others less.
   *
   * @param index of the class, from 0
   */
  public static double place(int index) {
    double place = index * GOLDEN;
    return place - Math.floor(place);
  }

  /** The metric of this number. */
  public static Optional<Metric> ofNumber(int number) {
    return Arrays.stream(values()).filter(metric -> metric.number == number).findFirst();
  }

  /** Which way a difference hurts. */
  public Harm harm() {
    return harm;
  }

  /** Whether a stage cannot pass while this was never seen, even if nobody else sends it. */
  boolean isEssential() {
    return essential;
  }

  /**
   * Whether every device tells it that runs the version: memory not, for agents of an older build
   * and devices of unknown size are silent whatever they run.
   */
  boolean isToldByAll() {
    return this != MEMORY && this != LOST_DEVICES;
  }

  /**
   * Whether its limit holds whatever the version before does, except where that does not keep it
   * either.
   */
  boolean isByLimit() {
    return this == OVER_BUDGET;
  }

  /**
   * Whether it belongs to the device or the agent's process, and not to one of the versions there:
   * on trial a device is no control of its own there.
   */
  public boolean isOfProcess() {
    return this == RESTARTS || this == MEMORY || this == LOST_DEVICES;
  }

  /** What counts the windows that tell nothing of it; empty: all do that are of it. */
  Optional<Metric> untold() {
    return switch (this) {
      case SLOW_PREDICTIONS -> Optional.of(SLOW_PREDICTIONS_UNTOLD);
      case OVER_BUDGET -> Optional.of(OVER_BUDGET_UNTOLD);
      case PREDICTIONS -> Optional.of(PREDICTIONS_UNTOLD);
      case CONFIDENCE -> Optional.of(CONFIDENCE_UNTOLD);
      case FAILED_PREDICTIONS, RESTARTS, MEMORY, LOST_DEVICES -> Optional.empty();
      case ACCURACY, ACCURACY_NEGATIVE, ACCURACY_POSITIVE, ERROR -> Optional.empty();
      case SLOW_PREDICTIONS_UNTOLD, OVER_BUDGET_UNTOLD -> Optional.empty();
      case PREDICTIONS_UNTOLD, CONFIDENCE_UNTOLD -> Optional.empty();
    };
  }

  /** Whether it is told by what became true of an answer that somebody got. */
  public boolean isOfOutcomes() {
    return this == ACCURACY
        || this == ACCURACY_NEGATIVE
        || this == ACCURACY_POSITIVE
        || this == ERROR;
  }

  /** The metric of this wire name. */
  public static Optional<Metric> ofWireName(String wireName) {
    return Arrays.stream(values()).filter(metric -> metric.wireName.equals(wireName)).findFirst();
  }
}
