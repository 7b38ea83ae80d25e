package io.skerry.packager.calibrate;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/**
 * Runs the float model over calibration data and watches every tensor.
 *
 * <p>The data is shared out between as many workers as always, whatever the machine, so that their
 * sums are the same everywhere.
 */
public final class Calibrator {
  private static final int BATCH = 32;
  private static final int WORKERS = 2;

  /** Products of layers' inputs that all workers keep together: 64 MiB. */
  private static final long GRAPH_PRODUCTS_MAX = 1L << 23;

  /** Told what a tensor holds of some items, the first of them of this number. */
  @FunctionalInterface
  private interface Watcher {
    void see(String tensor, FloatBuffer values, int firstItem);
  }

  private Calibrator() {}

  /**
   * Watches every tensor of a graph.
   *
   * @throws DataRefusedException if a tensor is not finite on this data
   */
  public static Observations observe(Graph graph, Samples samples) {
    byte[] model = OnnxExport.write(graph, graph.nodes().stream().map(Node::output).toList());
    List<Node> watched = Moments.watched(graph, GRAPH_PRODUCTS_MAX / WORKERS);
    return shared(samples, (first, end) -> observe(graph, watched, model, samples, first, end));
  }

  /**
   * The mean of each channel of a model's outputs on data, by output.
   *
   * @param graph what the file was written from
   * @param model an ONNX file whose outputs are tensors of the graph
   */
  public static Map<String, double[]> channelMeans(Graph graph, byte[] model, Samples samples) {
    Observations seen = shared(samples, (first, end) -> sums(graph, model, samples, first, end));
    Map<String, double[]> means = new HashMap<>();
    for (Node node : graph.nodes()) {
      double[] known = seen.channelMeans(node.output());
      if (known.length > 0) {
        means.put(node.output(), known);
      }
    }
    return means;
  }

  /** What each worker sees of its items, together. */
  private static Observations shared(
      Samples samples, BiFunction<Integer, Integer, Observations> see) {
    int batches = (samples.count() + BATCH - 1) / BATCH;
    int firstOfSecond = batches / WORKERS * BATCH;
    List<Observations> seen =
        IntStream.range(0, WORKERS)
            .parallel()
            .mapToObj(
                worker ->
                    worker == 0
                        ? see.apply(0, firstOfSecond)
                        : see.apply(firstOfSecond, samples.count()))
            .toList();
    Observations all = seen.getFirst();
    all.merge(seen.getLast());
    return all;
  }

  private static Observations sums(Graph graph, byte[] model, Samples samples, int first, int end) {
    Observations seen = new Observations();
    run(
        graph,
        model,
        samples,
        first,
        end,
        (tensor, values, item) -> addSums(seen, graph.shape(tensor), tensor, values));
    return seen;
  }

  private static Observations observe(
      Graph graph, List<Node> watched, byte[] model, Samples samples, int first, int end) {
    Observations seen = new Observations();
    Map<String, List<Moments>> readers = new HashMap<>();
    for (Node node : watched) {
      Moments moments = Moments.of(graph, node, samples.count());
      seen.watch(node.name(), moments);
      readers.computeIfAbsent(node.input(), t -> new ArrayList<>()).add(moments);
    }
    run(
        graph,
        model,
        samples,
        first,
        end,
        (tensor, values, item) -> {
          if (!seen.open(tensor).add(values)) {
            throw new DataRefusedException(
                "%s: tensor '%s' is not finite on this data: check the unit of the data, or train the model again"
                    .formatted(samples.source(), tensor));
          }
          if (tensor.equals(graph.input())) {
            seen.input().add(values);
          }
          addSums(seen, graph.shape(tensor), tensor, values);
          readers.getOrDefault(tensor, List.of()).forEach(moments -> moments.add(values, item));
        });
    return seen;
  }

  private static void addSums(Observations seen, Shape shape, String tensor, FloatBuffer values) {
    int channels = shape.rank() < 2 ? 1 : shape.dimension(1);
    int each = shape.elementsPerItem() / channels;
    double[] sums = new double[channels];
    double[] magnitudes = new double[channels];
    int start = values.position();
    int items = values.remaining() / (channels * each);
    for (int item = 0; item < items; item++) {
      for (int c = 0; c < channels; c++) {
        int from = start + (item * channels + c) * each;
        double sum = 0;
        float magnitude = 0;
        for (int i = from; i < from + each; i++) {
          float value = values.get(i);
          sum += value;
          magnitude = Math.max(magnitude, Math.abs(value));
        }
        sums[c] += sum;
        magnitudes[c] = Math.max(magnitudes[c], magnitude);
      }
    }
    seen.addSums(tensor, sums, (long) items * each);
    seen.addMagnitudes(tensor, magnitudes);
  }

  private static void run(
      Graph graph, byte[] model, Samples samples, int start, int end, Watcher watcher) {
    // The same as the engine's: a process has one, and later callers cannot change it.
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
      options.setIntraOpNumThreads(1);
      try (OrtSession session = environment.createSession(model, options)) {
        Shape input = graph.shape(graph.input());
        // A graph that is read from a file is for one item or for any batch.
        int batch = input.dimension(0) == Shape.BATCH ? BATCH : 1;
        for (int first = start; first < end; first += batch) {
          int size = Math.min(batch, end - first);
          runBatch(environment, session, graph, samples.batch(first, size), first, size, watcher);
        }
      }
    } catch (OrtException e) {
      throw new DataRefusedException(
          "%s: the float model fails on this data: %s".formatted(samples.source(), e.getMessage()),
          e);
    }
  }

  private static void runBatch(
      OrtEnvironment environment,
      OrtSession session,
      Graph graph,
      ByteBuffer data,
      int first,
      int size,
      Watcher watcher)
      throws OrtException {
    int[] dimensions = graph.shape(graph.input()).toArray(size);
    long[] shape = Arrays.stream(dimensions).asLongStream().toArray();
    FloatBuffer values = data.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    watcher.see(graph.input(), values.duplicate(), first);
    try (OnnxTensor tensor = OnnxTensor.createTensor(environment, values, shape);
        OrtSession.Result result = session.run(Map.of(graph.input(), tensor))) {
      for (Map.Entry<String, ai.onnxruntime.OnnxValue> output : result) {
        watcher.see(output.getKey(), ((OnnxTensor) output.getValue()).getFloatBuffer(), first);
      }
    }
  }
}
