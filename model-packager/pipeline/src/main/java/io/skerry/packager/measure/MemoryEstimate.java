package io.skerry.packager.measure;

import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Memory that loading a model and a first run of it take, worked out from its graph, where no
 * machine of the profile can be asked. Weights count as often as the engine was seen to keep them
 * while it loads; activations as the engine was seen to place them:
 *
 * <ul>
 *   <li>ONNX Runtime holds what is still to be read, and unrolls the input of an integer
 *       convolution for its kernel.
 *   <li>TFLite, with XNNPACK, gives each activation a place of its own, and notes for each place of
 *       a convolution's output where its kernel reads.
 * </ul>
 *
 * <p>{@code MemoryEstimateTest} holds it to what is measured, within {@link #TOLERANCE}.
 */
public final class MemoryEstimate {
  /** What is measured is at most so many times as much or as little. */
  static final double TOLERANCE = 1.7;

  /** Beside what is measured: small parts of an engine that only some operators need. */
  static final long BASE_BYTES = 2L << 20;

  private static final int POINTER_BYTES = 8;

  private final Graph graph;
  private final boolean tflite;
  private final Precision precision;

  /** Names of nodes that an int8 file computes on floats. */
  private final Set<String> floats;

  private MemoryEstimate(Graph graph, Candidate candidate, Set<String> floats) {
    this.graph = graph;
    this.floats = floats;
    this.tflite = candidate.engine() == Engine.TFLITE;
    this.precision = candidate.precision();
  }

  /**
   * Bytes, beyond an engine that has run a small model.
   *
   * @param floats names of nodes that are left float where the candidate is int8; those that have
   *     no integer kernel are known
   */
  public static long bytes(Graph graph, Candidate candidate, Set<String> floats) {
    MemoryEstimate estimate = new MemoryEstimate(graph, candidate, floats);
    double activations = estimate.tflite ? estimate.placed() : estimate.live();
    return BASE_BYTES + Math.round(estimate.weights() + activations);
  }

  private double weights() {
    double bytes = 0;
    for (Node node : graph.nodes()) {
      for (String input : node.inputs()) {
        Optional<Constant> constant = graph.constant(input);
        if (constant.isPresent()) {
          bytes += constant.get().size() * bytesOfWeight(node);
        }
      }
    }
    return bytes;
  }

  /** Of the file and of what an engine makes of it, a convolution's blocks of channels, say. */
  private double bytesOfWeight(Node node) {
    if (tflite) {
      return isInteger(node) ? 2.1 : 8.4;
    }
    Op op = node.op();
    return switch (precision == Precision.INT8 && !isInteger(node) ? Precision.FP32 : precision) {
      case FP32 -> op instanceof Op.Conv ? 14.5 : 6.7;
      case FP16 -> op instanceof Op.Conv ? 15 : 9;
      case INT8 -> 2.3;
      case INT8_WEIGHTS -> op instanceof Op.Conv ? 3.3 : 2.4;
    };
  }

  /** The most that is to be kept at once, with what the node that is run needs beside it. */
  private double live() {
    Map<String, Integer> readers = new HashMap<>();
    graph
        .nodes()
        .forEach(node -> node.inputs().forEach(input -> readers.merge(input, 1, Integer::sum)));
    graph.outputs().forEach(output -> readers.merge(output, 1, Integer::sum));
    double live = bytes(graph.input());
    double most = live;
    for (Node node : graph.nodes()) {
      live += bytes(node.output());
      most = Math.max(most, live + unrolled(node));
      for (String input : node.inputs()) {
        if (readers.merge(input, -1, Integer::sum) == 0 && graph.constant(input).isEmpty()) {
          live -= bytes(input);
        }
      }
    }
    return most;
  }

  /** The input of an integer convolution, once for each element of its kernel. */
  private double unrolled(Node node) {
    if (!isInteger(node)
        || !(node.op() instanceof Op.Conv(Window window, int group))
        || kernel(window) == 1) {
      return 0;
    }
    double channels = (double) graph.shape(node.input()).dimension(1) / group;
    return kernel(window) * channels * places(node);
  }

  private double placed() {
    double bytes = bytes(graph.input());
    for (Node node : graph.nodes()) {
      bytes += bytes(node.output());
      if (node.op() instanceof Op.Conv(Window window, int group) && kernel(window) > 1) {
        bytes += (double) POINTER_BYTES * kernel(window) * places(node);
      }
    }
    return bytes;
  }

  private static int kernel(Window window) {
    return window.kernel().stream().reduce(1, (a, b) -> a * b);
  }

  private int places(Node node) {
    Shape made = graph.shape(node.output());
    return made.elementsPerItem() / made.dimension(1);
  }

  /** Ends are floats, whatever lies between: what both kinds of nodes meet at is there twice. */
  private double bytes(String tensor) {
    List<Node> meeting = new ArrayList<>(graph.consumers(tensor));
    graph.producer(tensor).ifPresent(meeting::add);
    boolean end = tensor.equals(graph.input()) || graph.outputs().contains(tensor);
    boolean integers = meeting.stream().anyMatch(this::isInteger);
    boolean reals = end || !meeting.stream().allMatch(this::isInteger);
    double each = (reals ? Float.BYTES : 0) + (integers ? 1 : 0);
    return graph.shape(tensor).elementsPerItem() * each;
  }

  private boolean isInteger(Node node) {
    return precision == Precision.INT8
        && node.op().hasIntegerKernel()
        && !floats.contains(node.name());
  }
}
