package io.skerry.agent.observe;

import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.wire.ModelReference;
import io.skerry.wire.fleet.v1.Differences;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntToDoubleFunction;

/**
 * How the answers of a version that shadows differ from those that clients got, since the window
 * began. Sums, so that windows add up. Thread-safe.
 */
final class ShadowDifferences {
  // Single numbers agree when they differ by no more than this share of the larger one.
  private static final double SINGLE_TOLERANCE = 1e-3;

  private Differences.Builder sums = Differences.newBuilder();

  /** The monitored score of both, when the model has one. */
  record Scores(float primary, float shadow, double threshold) {
    boolean agree() {
      return (primary >= threshold) == (shadow >= threshold);
    }
  }

  /** What privacy rules leave to be told of outputs. */
  @FunctionalInterface
  interface Told {
    /** How an output's elements may be told; empty when nothing of them may. */
    Optional<DoubleUnaryOperator> of(String output, boolean numeric);
  }

  /** Counts one request that both answered, as unmirrored when nothing of it may be told. */
  synchronized void compare(
      Prediction primary, Prediction shadow, Optional<Scores> scores, Told told) {
    Comparison comparison = new Comparison();
    for (Tensor given : primary.outputs()) {
      told.of(given.name(), given.type() != ElementType.BYTES)
          .ifPresent(elements -> comparison.add(given, named(shadow, given.name()), elements));
    }
    if (!comparison.told) {
      leaveOut();
      return;
    }
    boolean agree =
        comparison.comparable && scores.map(Scores::agree).orElse(comparison.sameHighest);
    sums.setPrimary(reference(primary.model()))
        .setCompared(sums.getCompared() + 1)
        .setAgreed(sums.getAgreed() + (agree ? 1 : 0))
        .setPrimaryMicros(sums.getPrimaryMicros() + primary.nanos() / 1000)
        .setShadowMicros(sums.getShadowMicros() + shadow.nanos() / 1000);
    if (comparison.comparable) {
      sums.setElements(sums.getElements() + comparison.elements)
          .setAbsoluteSum(sums.getAbsoluteSum() + comparison.sum)
          .setAbsoluteMax(Math.max(sums.getAbsoluteMax(), comparison.max));
    } else {
      sums.setIncomparable(sums.getIncomparable() + 1);
    }
  }

  /** Counts one request that was not mirrored, or is not compared. */
  synchronized void leaveOut() {
    sums.setUnmirrored(sums.getUnmirrored() + 1);
  }

  /** The sums so far, if there are any; begins the next window. */
  synchronized Optional<Differences> seal() {
    Optional<Differences> sealed = standing();
    sums = Differences.newBuilder();
    return sealed;
  }

  /** The same, and goes on. */
  synchronized Optional<Differences> standing() {
    return isEmpty() ? Optional.empty() : Optional.of(sums.build());
  }

  /** Adds sums that stood before. */
  synchronized void resume(Differences stood) {
    if (!sums.hasPrimary() && stood.hasPrimary()) {
      sums.setPrimary(stood.getPrimary());
    }
    sums.setCompared(sums.getCompared() + stood.getCompared())
        .setAgreed(sums.getAgreed() + stood.getAgreed())
        .setIncomparable(sums.getIncomparable() + stood.getIncomparable())
        .setUnmirrored(sums.getUnmirrored() + stood.getUnmirrored())
        .setElements(sums.getElements() + stood.getElements())
        .setAbsoluteSum(sums.getAbsoluteSum() + stood.getAbsoluteSum())
        .setAbsoluteMax(Math.max(sums.getAbsoluteMax(), stood.getAbsoluteMax()))
        .setPrimaryMicros(sums.getPrimaryMicros() + stood.getPrimaryMicros())
        .setShadowMicros(sums.getShadowMicros() + stood.getShadowMicros());
  }

  /** Requests that were counted, however they differed. */
  synchronized long requests() {
    return sums.getCompared() + sums.getUnmirrored();
  }

  synchronized boolean isEmpty() {
    return sums.getCompared() == 0 && sums.getUnmirrored() == 0;
  }

  private static io.skerry.wire.fleet.v1.ModelRef reference(ModelRef model) {
    return new ModelReference(model.slot(), model.version(), model.manifest()).toWire();
  }

  private static Optional<Tensor> named(Prediction prediction, String name) {
    return prediction.outputs().stream().filter(output -> output.name().equals(name)).findFirst();
  }

  /** One request's outputs against each other. */
  private static final class Comparison {
    private boolean told;
    private boolean comparable = true;
    private boolean sameHighest = true;
    private long elements;
    private double sum;
    private double max;

    void add(Tensor one, Optional<Tensor> found, DoubleUnaryOperator elements) {
      told = true;
      if (found.isEmpty()
          || found.get().type() != one.type()
          || !found.get().shape().equals(one.shape())) {
        comparable = false;
        return;
      }
      Tensor other = found.get();
      if (one.type() == ElementType.BYTES) {
        sameHighest &= one.data().equals(other.data());
        return;
      }
      int count = (int) Tensor.elements(one.shape());
      int row = one.shape().isEmpty() ? 1 : (int) Math.max(1, one.shape().getLast());
      for (int begin = 0; begin < count; begin += row) {
        addRow(
            index -> elements.applyAsDouble(number(one, index)),
            index -> elements.applyAsDouble(number(other, index)),
            begin,
            Math.min(count, begin + row));
      }
    }

    private void addRow(IntToDoubleFunction one, IntToDoubleFunction other, int begin, int end) {
      int highestOfOne = begin;
      int highestOfOther = begin;
      for (int i = begin; i < end; i++) {
        double a = one.applyAsDouble(i);
        double b = other.applyAsDouble(i);
        if (Double.isNaN(a) != Double.isNaN(b)) {
          comparable = false;
          return;
        }
        // Equal infinities have no difference that is a number.
        double difference = a == b || Double.isNaN(a) ? 0 : Math.abs(a - b);
        elements++;
        sum += difference;
        max = Math.max(max, difference);
        highestOfOne = a > one.applyAsDouble(highestOfOne) ? i : highestOfOne;
        highestOfOther = b > other.applyAsDouble(highestOfOther) ? i : highestOfOther;
        if (end - begin == 1) {
          sameHighest &= difference <= SINGLE_TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
        }
      }
      sameHighest &= highestOfOne == highestOfOther;
    }

    private static double number(Tensor tensor, int index) {
      ElementType type = tensor.type();
      return type.number(tensor.data(), tensor.data().position() + index * type.bytes());
    }
  }
}
