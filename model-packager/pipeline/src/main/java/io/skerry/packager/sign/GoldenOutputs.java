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
import java.util.List;

/**
 * What a model says about a few items, and how far a device may be off.
 *
 * <p>Integer kernels round differently from CPU to CPU, by steps of the output's range. That range
 * is known of integers; of floats it is the largest that the model says of more items than are
 * kept, for all that are kept may be small.
 */
final class GoldenOutputs {
  private static final int CASES = 8;
  private static final int ITEMS = 64;
  private static final Tolerance FLOAT_TOLERANCE = new Tolerance(1e-4, 1e-3);
  private static final double HALF_SHARE = 0.01;
  private static final double INTEGER_SHARE = 0.05;
  private static final double INTEGER_RANGE = 255;

  private final LoadedModel model;
  private final Samples inputs;
  private double largest;
  private boolean integers;

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
    return new GoldenSet(tolerance(precision), cases);
  }

  private void see(Tensor output) {
    integers |= output.type() == ElementType.INT8 || output.type() == ElementType.UINT8;
    if (output.type() == ElementType.FP32) {
      for (float value : output.floats()) {
        largest = Float.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
      }
    }
  }

  private Tolerance tolerance(Precision precision) {
    return switch (precision) {
      // Floats that differ in their last bits round to the next integer at times.
      case FP32, INT8_WEIGHTS -> integers ? new Tolerance(1, 0) : FLOAT_TOLERANCE;
      case FP16 -> new Tolerance(HALF_SHARE * range(), HALF_SHARE);
      case INT8 -> new Tolerance(INTEGER_SHARE * range(), 0);
    };
  }

  private double range() {
    return integers ? Math.max(INTEGER_RANGE, largest) : largest;
  }

  private static List<GoldenTensor> golden(List<Tensor> tensors) {
    return tensors.stream()
        .map(
            tensor -> new GoldenTensor(tensor.name(), tensor.type(), tensor.shape(), tensor.data()))
        .toList();
  }
}
