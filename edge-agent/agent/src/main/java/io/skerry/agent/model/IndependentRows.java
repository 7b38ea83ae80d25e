package io.skerry.agent.model;

import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Finds out whether the rows of a model's inputs have nothing to do with each other, by running
 * some alone and together. An open first dimension alone says nothing: it may be the time of a
 * sequence, and scales of dynamic quantization are those of all rows.
 */
final class IndependentRows {
  /** How far answers of one row may be apart, in terms of the largest of its output. */
  private static final double TOLERANCE = 1e-3;

  /** How much further apart answers of different rows have to be to prove anything. */
  private static final double PROOF = 3;

  private static final int ROWS = 4;
  private static final long SEED = 4;

  /** The largest element of the inputs: what one model does not notice saturates another. */
  private static final List<Integer> SCALES = List.of(1, 8, 255);

  private final LoadedModel model;
  private final TensorPool pool;
  private final Random random = new Random(SEED);

  private IndependentRows(LoadedModel model, TensorPool pool) {
    this.model = model;
    this.pool = pool;
  }

  /**
   * Whether every row is answered alone as it is together with others, and answers depend on rows
   * at all.
   */
  static boolean are(LoadedModel model, TensorPool pool) {
    return new IndependentRows(model, pool).proved();
  }

  private boolean proved() {
    boolean proved = false;
    for (int scale : SCALES) {
      try (RunScope scope = pool.open()) {
        List<Tensor> inputs = inputs(scale, scope);
        List<List<Tensor>> alone = new ArrayList<>();
        for (int row = 0; row < ROWS; row++) {
          alone.add(model.run(row(inputs, row), scope));
        }
        List<Tensor> together = model.run(inputs, scope);
        for (int output = 0; output < together.size(); output++) {
          double tolerance = tolerance(together.get(output));
          List<Tensor> single = new ArrayList<>();
          for (List<Tensor> outputs : alone) {
            single.add(outputs.get(output));
          }
          if (!isOneRowEach(together.get(output), single)
              || distance(together.get(output), single) > tolerance) {
            return false;
          }
          proved |= spread(single) > PROOF * tolerance;
        }
      } catch (EngineException unsuitable) {
        // Numbers of this size are nothing for this model, as indices that are too large.
      }
    }
    return proved;
  }

  private static boolean isOneRowEach(Tensor together, List<Tensor> single) {
    List<Long> shape = new ArrayList<>(together.shape());
    if (shape.isEmpty() || shape.set(0, 1L) != ROWS) {
      return false;
    }
    return single.stream().allMatch(row -> row.shape().equals(shape));
  }

  private static double tolerance(Tensor output) {
    double largest = 0;
    for (int i = 0; i < Tensor.elements(output.shape()); i++) {
      double value = Math.abs(number(output, i));
      largest = Double.isFinite(value) ? Math.max(largest, value) : largest;
    }
    return switch (output.type()) {
      case FP32, FP64, FP16, BF16 -> TOLERANCE * largest;
      // Quantized: the last step may be rounded the other way.
      case INT8, UINT8 -> 1;
      case BOOL, UINT16, INT16, UINT32, INT32, UINT64, INT64, BYTES -> 0;
    };
  }

  private static double distance(Tensor together, List<Tensor> single) {
    double distance = 0;
    int elements = Math.toIntExact(Tensor.elements(single.getFirst().shape()));
    for (int row = 0; row < ROWS; row++) {
      for (int i = 0; i < elements; i++) {
        distance =
            Math.max(
                distance, apart(number(together, row * elements + i), number(single.get(row), i)));
      }
    }
    return distance;
  }

  private static double spread(List<Tensor> single) {
    double spread = 0;
    Tensor first = single.getFirst();
    for (Tensor other : single) {
      for (int i = 0; i < Tensor.elements(first.shape()); i++) {
        double apart = apart(number(first, i), number(other, i));
        spread = Double.isFinite(apart) ? Math.max(spread, apart) : spread;
      }
    }
    return spread;
  }

  private static double apart(double one, double other) {
    if (Double.compare(one, other) == 0) {
      return 0;
    }
    double apart = Math.abs(one - other);
    return Double.isNaN(apart) ? Double.POSITIVE_INFINITY : apart;
  }

  private static double number(Tensor tensor, int index) {
    return tensor
        .type()
        .number(tensor.data(), tensor.data().position() + index * tensor.type().bytes());
  }

  private List<Tensor> inputs(int scale, RunScope scope) {
    List<Tensor> inputs = new ArrayList<>();
    for (TensorSpec spec : model.signature().inputs()) {
      List<Long> shape = new ArrayList<>(spec.shape());
      shape.set(0, (long) ROWS);
      ByteBuffer data = scope.take(Math.toIntExact(Tensor.elements(shape) * spec.type().bytes()));
      while (data.hasRemaining()) {
        put(spec, scale, data);
      }
      inputs.add(new Tensor(spec.name(), spec.type(), shape, data.flip()));
    }
    return inputs;
  }

  private void put(TensorSpec spec, int scale, ByteBuffer data) {
    float real = scale * (2 * random.nextFloat() - 1);
    int whole = random.nextInt(scale + 1);
    switch (spec.type()) {
      case BOOL -> data.put((byte) (whole & 1));
      case INT8, UINT8 -> data.put((byte) whole);
      case INT16, UINT16 -> data.putShort((short) whole);
      case INT32, UINT32 -> data.putInt(whole);
      case INT64, UINT64 -> data.putLong(whole);
      case FP16 -> data.putShort(Float.floatToFloat16(real));
      case BF16 -> data.putShort((short) (Float.floatToRawIntBits(real) >>> 16));
      case FP32 -> data.putFloat(real);
      case FP64 -> data.putDouble(real);
      case BYTES -> throw new IllegalStateException("strings are not joined");
    }
  }

  private static List<Tensor> row(List<Tensor> inputs, int row) {
    List<Tensor> alone = new ArrayList<>();
    for (Tensor input : inputs) {
      List<Long> shape = new ArrayList<>(input.shape());
      shape.set(0, 1L);
      int bytes = input.data().remaining() / ROWS;
      alone.add(
          new Tensor(input.name(), input.type(), shape, input.data().slice(row * bytes, bytes)));
    }
    return alone;
  }
}
