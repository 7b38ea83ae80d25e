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
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

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
  // Of the largest: an output that says nothing of these items still has steps on another device.
  private static final double RANGE_LEAST = 0.001;
  private static final Tolerance ONE_STEP = new Tolerance(1, 0);
  private static final Tolerance INTEGER_STEPS = new Tolerance(INTEGER_SHARE * INTEGER_RANGE, 0);

  private final LoadedModel model;
  private final Samples inputs;
  private final Set<String> integers = new HashSet<>();

  /** Outputs of whole numbers that stand for nothing else. */
  private final Set<String> wholes = new HashSet<>();

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
    List<GoldenCase> cases = new ArrayList<>();
    for (int item : Samples.spread(inputs.count(), CASES)) {
      List<Tensor> given = List.of(Bench.input(model, inputs, item));
      List<Tensor> said = model.run(given);
      said.forEach(this::see);
      cases.add(new GoldenCase(golden(given), golden(said)));
    }
    for (int item : Samples.spread(inputs.count(), ITEMS)) {
      model.run(List.of(Bench.input(model, inputs, item))).forEach(this::see);
    }
    Map<String, Tolerance> own = own(precision);
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

  private void see(Tensor output) {
    if (output.type() == ElementType.INT8 || output.type() == ElementType.UINT8) {
      integers.add(output.name());
    }
    if (output.type() == ElementType.INT32 || output.type() == ElementType.INT64) {
      wholes.add(output.name());
    }
    if (output.type() == ElementType.FP32) {
      double most = 0;
      for (float value : output.floats()) {
        most = Float.isFinite(value) ? Math.max(most, Math.abs(value)) : most;
      }
      largest.merge(output.name(), most, Math::max);
    }
  }

  private Map<String, Tolerance> own(Precision precision) {
    Map<String, Tolerance> own = new HashMap<>();
    double largestOfAll = largest.values().stream().reduce(0.0, Math::max);
    // Nothing is known of outputs that are all 0.
    double least = largestOfAll == 0 ? 1 : RANGE_LEAST * largestOfAll;
    largest.forEach((name, range) -> own.put(name, tolerance(precision, Math.max(range, least))));
    // Floats that differ in their last bits round to the next integer at times.
    integers.forEach(
        name ->
            own.put(name, isCoarse(precision) ? tolerance(precision, INTEGER_RANGE) : ONE_STEP));
    // Noise that turns a near tie turns the number of a class by any number of classes.
    wholes.forEach(name -> own.put(name, isCoarse(precision) ? INTEGER_STEPS : ONE_STEP));
    return own;
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

  private static List<GoldenTensor> golden(List<Tensor> tensors) {
    return tensors.stream()
        .map(
            tensor -> new GoldenTensor(tensor.name(), tensor.type(), tensor.shape(), tensor.data()))
        .toList();
  }
}
