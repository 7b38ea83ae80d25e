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
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;

/** Runs model files with the device's own engines; each run has one thread. */
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
    return outputs(model, samples, List.of(output));
  }

  /**
   * The same of several outputs of one run: an item's numbers of each, one output after the other.
   *
   * @param outputs names of those that are wanted
   * @throws EngineException if a run fails
   */
  public Outputs outputs(LoadedModel model, Samples samples, List<String> outputs)
      throws EngineException {
    List<TensorSpec> specs = model.signature().outputs();
    int[] indexes = new int[outputs.size()];
    List<Integer> sizes = new ArrayList<>();
    for (int i = 0; i < indexes.length; i++) {
      indexes[i] = indexOf(model, outputs.get(i));
      sizes.add(specs.get(indexes[i]).elementsPerItem());
    }
    int perItem = sizes.stream().reduce(0, Math::addExact);
    MemorySegment values = Numbers.of(Math.multiplyExact((long) perItem, samples.count()));
    int batch = batch(model);
    int[] firsts = IntStream.iterate(0, i -> i < samples.count(), i -> i + batch).toArray();
    int outputsPerItem = perItem;
    Queue<EngineException> failed = new ConcurrentLinkedQueue<>();
    // Items say nothing of one another: all cores run them, and each writes its own numbers.
    Arrays.stream(firsts)
        .parallel()
        .forEach(
            first -> {
              if (failed.isEmpty()) {
                try {
                  List<Tensor> results = model.run(List.of(input(model, samples, first)));
                  int items = Math.min(batch, samples.count() - first);
                  long at = (long) first * outputsPerItem;
                  for (int index : indexes) {
                    int each = specs.get(index).elementsPerItem();
                    for (int i = 0; i < items * each; i++) {
                      values.setAtIndex(
                          ValueLayout.JAVA_FLOAT,
                          at + (long) (i / each) * outputsPerItem + i % each,
                          number(results.get(index), i));
                    }
                    at += each;
                  }
                } catch (EngineException e) {
                  failed.add(e);
                }
              }
            });
    if (!failed.isEmpty()) {
      throw failed.remove();
    }
    return new Outputs(values, sizes);
  }

  /**
   * One item as the model's input tensor; where the file takes larger batches only, it and those
   * after it, the last one again where there are no more.
   */
  public static Tensor input(LoadedModel model, Samples samples, int item) {
    TensorSpec spec = model.signature().inputs().getFirst();
    int batch = batch(model);
    List<Long> shape = new ArrayList<>(spec.shape());
    shape.set(0, (long) batch);
    int last = samples.count() - 1;
    ByteBuffer data =
        item + batch - 1 <= last
            ? samples.batch(item, batch)
            : samples
                .chosen(IntStream.range(item, item + batch).map(i -> Math.min(i, last)).toArray())
                .batch(0, batch);
    return new Tensor(spec.name(), samples.type(), shape, data);
  }

  private static int batch(LoadedModel model) {
    return Math.toIntExact(Math.max(1, model.signature().inputs().getFirst().shape().getFirst()));
  }

  /**
   * A model that is ready to be timed.
   *
   * @param loadMillis from file to ready
   * @param peakMemoryBytes that loading and a first run take; 0 when unknown
   */
  public record Timed(LoadedModel model, double loadMillis, long peakMemoryBytes) {
    /** The same, with its memory known. */
    public Timed taking(long bytes) {
      return new Timed(model, loadMillis, bytes);
    }
  }

  /**
   * Loads a file once more, timed; its memory is unknown.
   *
   * @throws EngineException if the engine refuses it, or a run fails
   */
  public Timed timed(Engine engine, Path file, Samples samples) throws EngineException {
    long start = System.nanoTime();
    LoadedModel model = load(engine, file);
    double millis = (System.nanoTime() - start) / 1e6;
    model.run(List.of(input(model, samples, 0)));
    return new Timed(model, millis, 0);
  }

  /**
   * How fast models are, on one thread: rounds in turn, so that a busy moment of the machine meets
   * all of them alike; the median of the rounds' medians, and the 99th percentile of all calls. The
   * models are closed.
   *
   * @throws EngineException if a run fails
   */
  public List<Timing> timings(List<Timed> models, Samples samples) throws EngineException {
    List<List<double[]>> rounds = new ArrayList<>();
    try {
      for (Timed timed : models) {
        rounds.add(new ArrayList<>());
        round(timed.model(), samples, WARM_UP_CALLS);
      }
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < models.size(); i++) {
          rounds.get(i).add(round(models.get(i).model(), samples, CALLS_PER_ROUND));
        }
      }
    } finally {
      models.forEach(timed -> timed.model().close());
    }
    List<Timing> timings = new ArrayList<>();
    for (int i = 0; i < models.size(); i++) {
      double[] medians = rounds.get(i).stream().mapToDouble(Bench::median).toArray();
      double[] all = rounds.get(i).stream().flatMapToDouble(Arrays::stream).sorted().toArray();
      double p50 = median(medians);
      timings.add(
          new Timing(
              p50,
              Math.max(p50, all[all.length * 99 / 100]),
              models.get(i).loadMillis(),
              models.get(i).peakMemoryBytes(),
              Timing.Source.HERE));
    }
    return timings;
  }

  private static double[] round(LoadedModel model, Samples samples, int calls)
      throws EngineException {
    double[] micros = new double[calls];
    List<Tensor> inputs = List.of(input(model, samples, 0));
    for (int call = 0; call < calls; call++) {
      long start = System.nanoTime();
      model.run(inputs);
      micros[call] = (System.nanoTime() - start) / 1e3;
    }
    return micros;
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
