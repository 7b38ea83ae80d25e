package io.skerry.packager.sign;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.Tolerance;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.profile.Precision;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a model says about a few items, and how far a device may be off.
 *
 * <p>Integer kernels round differently from CPU to CPU, by steps of the output's range. That range
 * is known of integers; of floats it is the largest that the model says of more items than are
 * kept, for all that are kept may be small.
 *
 * <p>Each output is held to its own range: steps of integers, or boxes in pixels, would let a
 * probability be anything. Agents that know of one tolerance only get the widest, so that none
 * refuses a good model.
 *
 * <p>Whole numbers of a coarse file, such as those of classes, are expected where they are {@link
 * SteadyNumbers steady}: a near tie falls the other way by other kernels, to any other class. One
 * that is steady nowhere may be whatever it was seen to be. Infinite numbers are not expected at
 * all.
 */
final class GoldenOutputs {
  private static final int CASES = 8;
  private static final int ITEMS = 64;
  private static final double FLOAT_SHARE = 1e-4;
  private static final double FLOAT_RELATIVE = 1e-3;
  // A share of the range that some kernels of accelerators, of shorter factors, are off by.
  private static final double SMALL_FLOAT_SHARE = 1e-3;
  private static final double SMALL_FLOAT_MOST = 1e-4;
  // What numbers about 1, of which a small output may be the difference, are off by at most.
  private static final double FLOAT_LEAST = 1e-6;
  private static final double HALF_SHARE = 0.01;
  private static final double INTEGER_SHARE = 0.05;
  private static final double INTEGER_RANGE = 255;
  private static final double WHOLE_STEP = 1;
  // Of the largest, and at most 1, as probabilities have: an output that says nothing of these
  // items still has steps on another device.
  private static final double RANGE_LEAST = 0.001;
  private static final double RANGE_LEAST_MAX = 1;
  private static final Tolerance ONE_STEP = new Tolerance(WHOLE_STEP, 0);

  private final LoadedModel model;
  private final Samples inputs;
  private final Set<String> integers = new HashSet<>();

  /** What outputs of whole numbers that stand for nothing else say. */
  private final Map<String, DoubleSummaryStatistics> wholes = new TreeMap<>();

  /** What float outputs say at most. */
  private final Map<String, Double> largest = new HashMap<>();

  private GoldenOutputs(LoadedModel model, Samples inputs) {
    this.model = model;
    this.inputs = inputs;
  }

  /** What the model says about some of the inputs. */
  static GoldenSet of(LoadedModel model, Samples inputs, Precision precision)
      throws EngineException {
    return new GoldenOutputs(model, inputs).set(precision);
  }

  private GoldenSet set(Precision precision) throws EngineException {
    int[] kept = Samples.spread(inputs.count(), CASES);
    for (int[] items : new int[][] {kept, Samples.spread(inputs.count(), ITEMS)}) {
      for (int item : items) {
        model.run(List.of(Bench.input(model, inputs, item))).forEach(this::see);
      }
    }
    Map<String, Tolerance> own = own(precision);
    List<GoldenCase> cases = new ArrayList<>();
    if (!isCoarse(precision) || wholes.isEmpty()) {
      for (int item : kept) {
        cases.add(expected(item, Set.of()));
      }
    } else {
      SteadyNumbers steady = SteadyNumbers.of(model, inputs, wholes(own));
      Set<String> nowhere = steady.nowhere(CASES);
      wholes.forEach(
          (name, said) -> {
            if (nowhere.contains(name)) {
              DoubleSummaryStatistics all = steady.said(name);
              all.combine(said);
              own.put(name, new Tolerance(range(1, all), 0));
            }
          });
      for (int item : steady.items(CASES)) {
        GoldenCase golden = expected(item, steady.turning(item, CASES));
        if (!golden.outputs().isEmpty()) {
          cases.add(golden);
        }
      }
    }
    Tolerance widest =
        own.values().stream()
            .reduce(
                (one, other) ->
                    new Tolerance(
                        Math.max(one.absolute(), other.absolute()),
                        Math.max(one.relative(), other.relative())))
            .orElse(tolerance(precision, 1));
    own.values().removeIf(widest::equals);
    return new GoldenSet(widest, own, cases);
  }

  private Map<String, Tolerance> wholes(Map<String, Tolerance> own) {
    Map<String, Tolerance> tolerances = new TreeMap<>(own);
    tolerances.keySet().retainAll(wholes.keySet());
    return tolerances;
  }

  private GoldenCase expected(int item, Set<String> without) throws EngineException {
    List<Tensor> given = List.of(Bench.input(model, inputs, item));
    List<Tensor> said = new ArrayList<>(model.run(given));
    // A step from infinite, or from none, is as wide as can be: not if anything else is left.
    boolean anyFinite = said.stream().anyMatch(GoldenOutputs::isFinite);
    said.removeIf(output -> without.contains(output.name()) || (anyFinite && !isFinite(output)));
    return new GoldenCase(golden(given), golden(said));
  }

  private static boolean isFinite(Tensor output) {
    if (output.type() == ElementType.FP32) {
      for (float value : output.floats()) {
        if (!Float.isFinite(value)) {
          return false;
        }
      }
    }
    return true;
  }

  private void see(Tensor output) {
    if (output.type() == ElementType.INT8 || output.type() == ElementType.UINT8) {
      integers.add(output.name());
    }
    if (output.type() == ElementType.INT32 || output.type() == ElementType.INT64) {
      DoubleSummaryStatistics said =
          wholes.computeIfAbsent(output.name(), name -> new DoubleSummaryStatistics());
      accept(said, output);
    }
    if (output.type() == ElementType.FP32) {
      double most = 0;
      for (float value : output.floats()) {
        most = Float.isFinite(value) ? Math.max(most, Math.abs(value)) : most;
      }
      largest.merge(output.name(), most, Math::max);
    }
  }

  static void accept(DoubleSummaryStatistics said, Tensor output) {
    for (int i = 0; i < output.data().limit(); i += output.type().bytes()) {
      said.accept(output.type().number(output.data(), i));
    }
  }

  private Map<String, Tolerance> own(Precision precision) {
    Map<String, Tolerance> own = new HashMap<>();
    double largestOfAll = largest.values().stream().reduce(0.0, Math::max);
    // Nothing is known of outputs that are all 0.
    double least =
        largestOfAll == 0 ? RANGE_LEAST_MAX : Math.min(RANGE_LEAST_MAX, RANGE_LEAST * largestOfAll);
    largest.forEach((name, range) -> own.put(name, tolerance(precision, Math.max(range, least))));
    // Floats that differ in their last bits round to the next integer at times.
    integers.forEach(
        name ->
            own.put(name, isCoarse(precision) ? tolerance(precision, INTEGER_RANGE) : ONE_STEP));
    wholes.forEach(
        (name, said) ->
            own.put(
                name,
                isCoarse(precision) ? new Tolerance(range(INTEGER_SHARE, said), 0) : ONE_STEP));
    return own;
  }

  private static double range(double share, DoubleSummaryStatistics said) {
    // An output without elements has no range.
    return said.getCount() == 0
        ? WHOLE_STEP
        : Math.max(WHOLE_STEP, share * (said.getMax() - said.getMin()));
  }

  private static boolean isCoarse(Precision precision) {
    return precision == Precision.INT8 || precision == Precision.FP16;
  }

  private static Tolerance tolerance(Precision precision, double range) {
    return switch (precision) {
      case FP32, INT8_WEIGHTS ->
          new Tolerance(
              Math.max(
                  Math.max(FLOAT_LEAST, FLOAT_SHARE * range),
                  Math.min(SMALL_FLOAT_SHARE * range, SMALL_FLOAT_MOST)),
              FLOAT_RELATIVE);
      case FP16 -> new Tolerance(HALF_SHARE * range, HALF_SHARE);
      case INT8 -> new Tolerance(INTEGER_SHARE * range, 0);
    };
  }

  static List<GoldenTensor> golden(List<Tensor> tensors) {
    return tensors.stream()
        .map(
            tensor -> new GoldenTensor(tensor.name(), tensor.type(), tensor.shape(), tensor.data()))
        .toList();
  }
}
