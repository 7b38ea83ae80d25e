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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/**
 * Runs the float model over calibration data and watches every tensor.
 *
 * <p>The data is shared out between as many workers as always, whatever the machine, so that their
 * sums are the same everywhere.
 */
public final class Calibrator {
  private static final int WORKERS = 2;

  /** Items that are shared out together. */
  private static final int SHARE = 32;

  /** Counts of so many tensors take 64 MiB a worker. */
  private static final int TENSORS_OF_TWO_MAX = 2_000;

  /** Products of layers' inputs that all workers keep together: 64 MiB. */
  private static final long GRAPH_PRODUCTS_MAX = 1L << 23;

  /** Told what a tensor holds of some items, the first of them of this number. */
  @FunctionalInterface
  private interface Watcher {
    void see(String tensor, FloatBuffer values, int firstItem);
  }

  /**
   * What a worker does.
   *
   * @param batch items that are run at once
   * @param first of the worker's items
   * @param end after the last one
   */
  private record Run(Samples samples, int batch, int first, int end) {}

  private Calibrator() {}

  /**
   * Watches every tensor of a graph.
   *
   * @throws DataRefusedException if a tensor is not finite on this data
   */
  public static Observations observe(Graph graph, Samples samples) {
    return observe(graph, samples, Set.of());
  }

  /**
   * The same of a model that may say anything in some of its outputs: numbers of them that are not
   * finite, for which there are no integers, count as 0.
   *
   * @param unjudged outputs by which nobody judges
   * @throws DataRefusedException if another tensor, or one that the model goes on with, is not
   *     finite on this data
   */
  public static Observations observe(Graph graph, Samples samples, Set<String> unjudged) {
    Set<String> loose = new HashSet<>(unjudged);
    graph.nodes().forEach(node -> loose.removeAll(node.inputs()));
    byte[] model = OnnxExport.write(graph, graph.nodes().stream().map(Node::output).toList());
    List<Node> watched = Moments.watched(graph, GRAPH_PRODUCTS_MAX / WORKERS);
    Batch batch = batch(graph);
    return shared(
        samples,
        batch,
        graph.nodes().size(),
        (first, end) ->
            observe(graph, watched, loose, model, new Run(samples, batch.items(), first, end)));
  }

  /**
   * The mean of each channel of a model's outputs on data, by output.
   *
   * @param graph what the file was written from
   * @param model an ONNX file whose outputs are tensors of the graph
   */
  public static Map<String, double[]> channelMeans(Graph graph, byte[] model, Samples samples) {
    Batch batch = batch(graph);
    Observations seen =
        shared(
            samples,
            batch,
            (first, end) -> sums(graph, model, new Run(samples, batch.items(), first, end)));
    Map<String, double[]> means = new HashMap<>();
    for (Node node : graph.nodes()) {
      double[] known = seen.channelMeans(node.output());
      if (known.length > 0) {
        means.put(node.output(), known);
      }
    }
    return means;
  }

  private static Batch batch(Graph graph) {
    // A graph that is read from a file is for one item or for any batch.
    boolean any = graph.shape(graph.input()).dimension(0) == Shape.BATCH;
    Batch batch = Batch.of(Batch.bytesPerItem(graph), WORKERS);
    return any ? batch : new Batch(1, batch.together());
  }

  /** One worker sees all where there are so many tensors that the counts of two are too many. */
  private static Observations shared(
      Samples samples, Batch batch, int tensors, BiFunction<Integer, Integer, Observations> see) {
    return tensors > TENSORS_OF_TWO_MAX
        ? see.apply(0, samples.count())
        : shared(samples, batch, see);
  }

  /** What each worker sees of its items, together. */
  private static Observations shared(
      Samples samples, Batch batch, BiFunction<Integer, Integer, Observations> see) {
    int shares = (samples.count() + SHARE - 1) / SHARE;
    int firstOfSecond = shares / WORKERS * SHARE;
    IntStream workers = IntStream.range(0, WORKERS);
    List<Observations> seen =
        (batch.together() ? workers.parallel() : workers)
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

  private static Observations sums(Graph graph, byte[] model, Run run) {
    Observations seen = new Observations();
    run(
        graph,
        model,
        run,
        (tensor, values, item) -> addSums(seen, graph.shape(tensor), tensor, values));
    return seen;
  }

  private static Observations observe(
      Graph graph, List<Node> watched, Set<String> loose, byte[] model, Run run) {
    Observations seen = new Observations();
    Map<String, List<Moments>> readers = new HashMap<>();
    for (Node node : watched) {
      Moments moments = Moments.of(graph, node, run.samples().count());
      seen.watch(node.name(), moments);
      readers.computeIfAbsent(node.input(), t -> new ArrayList<>()).add(moments);
    }
    run(
        graph,
        model,
        run,
        (tensor, said, item) -> {
          FloatBuffer values = loose.contains(tensor) ? finite(said) : said;
          if (!seen.open(tensor).add(values)) {
            throw new DataRefusedException(
                "%s: tensor '%s' is not finite on this data: check the unit of the data, or train the model again"
                    .formatted(run.samples().source(), tensor));
          }
          if (tensor.equals(graph.input())) {
            seen.input().add(values);
          }
          addSums(seen, graph.shape(tensor), tensor, values);
          readers.getOrDefault(tensor, List.of()).forEach(moments -> moments.add(values, item));
        });
    return seen;
  }

  private static FloatBuffer finite(FloatBuffer values) {
    FloatBuffer finite = FloatBuffer.allocate(values.remaining());
    for (int i = values.position(); i < values.limit(); i++) {
      finite.put(Float.isFinite(values.get(i)) ? values.get(i) : 0);
    }
    return finite.flip();
  }

  private static void addSums(Observations seen, Shape shape, String tensor, FloatBuffer values) {
    int channels = shape.rank() < 2 ? 1 : shape.dimension(1);
    seen.sums(tensor, channels).add(values, shape.elementsPerItem() / channels);
  }

  private static void run(Graph graph, byte[] model, Run run, Watcher watcher) {
    // The same as the engine's: a process has one, and later callers cannot change it.
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
      options.setIntraOpNumThreads(1);
      try (OrtSession session = environment.createSession(model, options)) {
        for (int first = run.first(); first < run.end(); first += run.batch()) {
          int size = Math.min(run.batch(), run.end() - first);
          ByteBuffer data = run.samples().batch(first, size);
          runBatch(environment, session, graph, data, first, size, watcher);
        }
      }
    } catch (OrtException e) {
      throw new DataRefusedException(
          "%s: the float model fails on this data: %s: report this model"
              .formatted(run.samples().source(), e.getMessage()),
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
