package io.skerry.packager.calibrate;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * Runs the float model over calibration data and watches every tensor.
 *
 * <p>Memory does not grow with the number of samples: only minima, maxima and 2,048 counts per
 * tensor are kept.
 */
public final class Calibrator {
  private static final int BATCH = 32;

  /** How ranges are chosen. */
  public enum Method {
    /** Everything seen. */
    MIN_MAX,
    /** All but the outermost 0.001 % at each end. */
    PERCENTILE
  }

  private static final double CUT_PER_END = 1e-5;

  private Calibrator() {}

  /**
   * Calibrates every tensor of a graph.
   *
   * @throws DataRefusedException if a tensor is not finite on this data
   */
  public static Ranges ranges(Graph graph, Samples samples, Method method) {
    Map<String, Spread> spreads = new LinkedHashMap<>();
    spreads.put(graph.input(), new Spread());
    graph.nodes().forEach(node -> spreads.put(node.output(), new Spread()));
    run(
        graph,
        samples,
        (tensor, values) -> {
          if (!of(spreads, tensor).widen(values)) {
            throw new DataRefusedException(
                "%s: tensor '%s' is not finite on this data: check it for missing values"
                    .formatted(samples.source(), tensor));
          }
        });
    if (method == Method.PERCENTILE) {
      run(graph, samples, (tensor, values) -> of(spreads, tensor).count(values));
    }
    Map<String, Range> ranges = new HashMap<>();
    spreads.forEach(
        (tensor, spread) ->
            ranges.put(
                tensor, method == Method.PERCENTILE ? spread.within(CUT_PER_END) : spread.full()));
    return new Ranges(ranges);
  }

  private static Spread of(Map<String, Spread> spreads, String tensor) {
    Spread spread = spreads.get(tensor);
    if (spread == null) {
      throw new IllegalStateException("tensor '%s' is not in the graph".formatted(tensor));
    }
    return spread;
  }

  private static void run(Graph graph, Samples samples, BiConsumer<String, FloatBuffer> watcher) {
    List<String> tensors = graph.nodes().stream().map(Node::output).toList();
    byte[] model = OnnxExport.write(graph, tensors);
    // The same as the engine's: a process has one, and later callers cannot change it.
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
      options.setIntraOpNumThreads(1);
      try (OrtSession session = environment.createSession(model, options)) {
        Shape input = graph.shape(graph.input());
        int batch = input.dimension(0) == Shape.BATCH ? BATCH : input.dimension(0);
        for (int first = 0; first < samples.count(); first += batch) {
          int size = Math.min(batch, samples.count() - first);
          if (size < batch && input.dimension(0) != Shape.BATCH) {
            break;
          }
          runBatch(environment, session, graph, samples.batch(first, size), size, watcher);
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
      int size,
      BiConsumer<String, FloatBuffer> watcher)
      throws OrtException {
    int[] dimensions = graph.shape(graph.input()).toArray(size);
    long[] shape = Arrays.stream(dimensions).asLongStream().toArray();
    FloatBuffer values = data.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    watcher.accept(graph.input(), values.duplicate());
    try (OnnxTensor tensor = OnnxTensor.createTensor(environment, values, shape);
        OrtSession.Result result = session.run(Map.of(graph.input(), tensor))) {
      for (Map.Entry<String, ai.onnxruntime.OnnxValue> output : result) {
        watcher.accept(output.getKey(), ((OnnxTensor) output.getValue()).getFloatBuffer());
      }
    }
  }
}
