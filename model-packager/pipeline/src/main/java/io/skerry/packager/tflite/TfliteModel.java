package io.skerry.packager.tflite;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.quantize.KnownScales;
import io.skerry.packager.quantize.TensorScale;
import java.util.Map;

/**
 * What a TFLite file says.
 *
 * @param graph on floats, the integers of the file as the reals that they stand for
 * @param scales of what the file computes on integers
 * @param ends scales of the input and those outputs that are int8, by their names
 */
public record TfliteModel(Graph graph, KnownScales scales, Map<String, TensorScale> ends) {
  public TfliteModel {
    ends = Map.copyOf(ends);
  }

  /** The graph for files of floats: it ends where the file's integers do. */
  public Graph floats() {
    return scales.floats(graph);
  }
}
