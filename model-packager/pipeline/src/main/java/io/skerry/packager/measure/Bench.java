package io.skerry.packager.measure;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.packager.data.Samples;
import io.skerry.profile.Engine;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;

/** Runs model files with the device's own engines, one item and one thread at a time. */
public final class Bench {
  private static final int WARM_UP_CALLS = 200;
  private static final int ROUNDS = 5;
  private static final int CALLS_PER_ROUND = 100;

  private final Map<String, InferenceEngine> engines = new TreeMap<>();

  /** A bench with the engines on the class path. */
  public Bench() {
    for (InferenceEngine engine : ServiceLoader.load(InferenceEngine.class)) {
      engines.put(engine.name(), engine);
    }
  }

  /**
   * Loads a file.
   *
   * @throws EngineException if the engine is not available here, or refuses the file
   */
  public LoadedModel load(Engine engine, Path file) throws EngineException {
    InferenceEngine found = engines.get(engine.text());
    if (found == null) {
      throw new EngineException(
          EngineException.Reason.ENGINE_UNAVAILABLE,
          "engine '%s' is not on the class path".formatted(engine));
    }
    if (found.probe() instanceof EngineStatus.Unavailable(String reason)) {
      throw new EngineException(EngineException.Reason.ENGINE_UNAVAILABLE, reason);
    }
    return found.load(file, LoadOptions.DEFAULTS);
  }

  /**
   * What a model says about every item.
   *
   * @param output name of the output that is wanted
   * @throws EngineException if a run fails
   */
  public Outputs outputs(LoadedModel model, Samples samples, String output) throws EngineException {
    int index = indexOf(model, output);
    int perItem = model.signature().outputs().get(index).elementsPerItem();
    float[] values = new float[Math.multiplyExact(perItem, samples.count())];
    for (int item = 0; item < samples.count(); item++) {
      Tensor result = model.run(List.of(input(model, samples, item))).get(index);
      for (int i = 0; i < perItem; i++) {
        values[item * perItem + i] = number(result, i);
      }
    }
    return new Outputs(values, perItem);
  }

  /** One item as the model's input tensor. */
  public static Tensor input(LoadedModel model, Samples samples, int item) {
    TensorSpec spec = model.signature().inputs().getFirst();
    List<Long> shape = new ArrayList<>(spec.shape());
    shape.set(0, 1L);
    return new Tensor(spec.name(), samples.type(), shape, samples.batch(item, 1));
  }

  /**
   * Median time of one call in microseconds, of each model: rounds in turn, so that a busy moment
   * of the machine meets all of them alike, and the median of the rounds' medians.
   *
   * @throws EngineException if a run fails
   */
  public List<Double> p50Micros(List<LoadedModel> models, Samples samples) throws EngineException {
    List<double[]> medians = new ArrayList<>();
    for (LoadedModel model : models) {
      medians.add(new double[ROUNDS]);
      round(model, samples, WARM_UP_CALLS);
    }
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < models.size(); i++) {
        medians.get(i)[round] = round(models.get(i), samples, CALLS_PER_ROUND);
      }
    }
    return medians.stream().map(Bench::median).toList();
  }

  private static double round(LoadedModel model, Samples samples, int calls)
      throws EngineException {
    double[] micros = new double[calls];
    List<Tensor> inputs = List.of(input(model, samples, 0));
    for (int call = 0; call < calls; call++) {
      long start = System.nanoTime();
      model.run(inputs);
      micros[call] = (System.nanoTime() - start) / 1e3;
    }
    return median(micros);
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static int indexOf(LoadedModel model, String output) throws EngineException {
    List<TensorSpec> outputs = model.signature().outputs();
    for (int i = 0; i < outputs.size(); i++) {
      if (outputs.get(i).name().equals(output)) {
        return i;
      }
    }
    throw new EngineException(
        EngineException.Reason.MODEL_INVALID, "the model has no output '%s'".formatted(output));
  }

  private static float number(Tensor tensor, int index) throws EngineException {
    ByteBuffer data = tensor.data();
    return switch (tensor.type()) {
      case FP32 -> data.getFloat(index * Float.BYTES);
      case INT8 -> data.get(index);
      case UINT8 -> Byte.toUnsignedInt(data.get(index));
      case ElementType other ->
          throw new EngineException(
              EngineException.Reason.MODEL_INVALID,
              "output '%s' is %s, FP32, INT8 or UINT8 is needed".formatted(tensor.name(), other));
    };
  }
}
