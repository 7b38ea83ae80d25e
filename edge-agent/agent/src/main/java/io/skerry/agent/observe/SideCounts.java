package io.skerry.agent.observe;

import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.fleet.v1.StratumSamples;
import io.skerry.wire.fleet.v1.Window;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * What is counted of a version beside the predictions that are observed: any thread adds, and the
 * consumer takes it into the open window.
 */
final class SideCounts {
  private final LongAdder failed = new LongAdder();
  private final LongAdder skipped = new LongAdder();
  private final LongAdder anomalous = new LongAdder();
  private final ShadowDifferences differences = new ShadowDifferences();
  private final LongAdder leftOut = new LongAdder();
  private final Map<Stratum, LongAdder> refused = new EnumMap<>(Stratum.class);

  SideCounts() {
    for (Stratum stratum : Stratum.values()) {
      refused.put(stratum, new LongAdder());
    }
  }

  void fail(int items) {
    failed.add(items);
  }

  void skip(int items) {
    skipped.add(items);
  }

  /** Items with an anomalous input among those that are skipped; told before {@link #skip}. */
  void findAnomalous(int items) {
    if (items > 0) {
      anomalous.add(items);
    }
  }

  /** How its answers differ from those that were given, where it shadows. */
  ShadowDifferences differences() {
    return differences;
  }

  /** A sample that the day's bytes leave out. */
  void leaveOutSample() {
    leftOut.increment();
  }

  /**
   * A sample that was chosen at its probability and is not kept all the same: the recorded
   * probabilities of its stratum are too high by it.
   */
  void refuseSample(Stratum stratum) {
    refused.getOrDefault(stratum, new LongAdder()).increment();
  }

  /** Whether something waits that opens a window by itself. */
  boolean isWaiting() {
    return failed.sum() > 0 || skipped.sum() > 0 || !differences.isEmpty();
  }

  /** Moves failed and skipped predictions to the counts. */
  void moveTo(WindowSketch counts) {
    long failures = failed.sumThenReset();
    for (long i = 0; i < failures; i++) {
      counts.fail();
    }
    // In this order: no anomaly waits for a window that others open.
    counts.skip(skipped.sumThenReset());
    counts.findAnomalous(anomalous.sumThenReset());
  }

  /** Moves the others to the window that is sealed. */
  void moveTo(Window.Builder sealed) {
    differences.seal().ifPresent(sealed::setDifferences);
    sealed.setSamplesLeftOut(leftOut.sumThenReset());
    refused.forEach((stratum, adder) -> addRefused(sealed, stratum, adder.sumThenReset()));
  }

  /** How much there is to be told in a window that goes on: it grows with every change. */
  long told() {
    long told = leftOut.sum() + differences.requests();
    for (LongAdder adder : refused.values()) {
      told += adder.sum();
    }
    return told;
  }

  /** Tells them in a window that goes on. */
  void copyTo(Window.Builder standing) {
    differences.standing().ifPresent(standing::setDifferences);
    standing.setSamplesLeftOut(leftOut.sum());
    refused.forEach((stratum, adder) -> addRefused(standing, stratum, adder.sum()));
  }

  private static void addRefused(Window.Builder window, Stratum stratum, long samples) {
    if (samples > 0) {
      window.addSamplesRefusedBuilder().setStratum(stratum.wireName()).setSamples(samples);
    }
  }

  /** Goes on with those of a window that stood. */
  void resume(Window stood) {
    differences.resume(stood.getDifferences());
    leftOut.add(stood.getSamplesLeftOut());
    for (StratumSamples samples : stood.getSamplesRefusedList()) {
      for (Stratum stratum : Stratum.values()) {
        if (stratum.wireName().equals(samples.getStratum())) {
          refused.getOrDefault(stratum, new LongAdder()).add(samples.getSamples());
        }
      }
    }
  }
}
