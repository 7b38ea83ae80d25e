package io.skerry.packager.calibrate;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Mean and covariance of what the outputs of a convolution or dense layer read: of patches of its
 * input, in the order of its weights, padding as zeros. Of each item, some patches are taken,
 * spread over all places.
 */
public final class Moments {
  /** Above this, the covariance would cost more memory and time than it gains. */
  private static final int LENGTH_MAX = 1024;

  /** Steps that rounding the weights of all watched layers once takes: about a second. */
  private static final long ROUNDING_MAX = 1L << 30;

  /** Patches of all items together; more hardly make the estimate better. */
  private static final int PATCHES_WANTED = 8192;

  /** Products that are added up for one layer: about a second. */
  private static final long WORK_MAX = 1L << 31;

  private final int groups;
  private final int length;
  private final double[] sums;
  private final double[] products;
  private final Patches patches;

  /** From one place of the layer's input that is looked at to the next. */
  private final int step;

  private long count;

  private Moments(int groups, int length, Patches patches, int step) {
    this.groups = groups;
    this.length = length;
    this.patches = patches;
    this.step = step;
    this.sums = new double[groups * length];
    this.products = new double[groups * length * length];
  }

  /**
   * The nodes of a graph whose input's moments are kept: layers with weights, the smallest first,
   * until all that is kept of them reaches a bound, but for those whose rounding would take too
   * long.
   *
   * @param graphProductsMax that are kept of all these layers together
   */
  static List<Node> watched(Graph graph, long graphProductsMax) {
    List<Node> bySize =
        graph.nodes().stream()
            .filter(node -> fits(graph, node))
            .sorted(Comparator.comparingLong(node -> products(graph, node)))
            .toList();
    List<Node> watched = new ArrayList<>();
    long kept = 0;
    long steps = 0;
    for (Node node : bySize) {
      kept += products(graph, node);
      if (kept > graphProductsMax) {
        break;
      }
      long more = rounding(graph, node);
      if (more <= ROUNDING_MAX - steps) {
        steps += more;
        watched.add(node);
      }
    }
    return watched;
  }

  private static boolean fits(Graph graph, Node node) {
    return node.op().isWeighted()
        && graph.constant(node.input()).isEmpty()
        && length(graph, node) <= LENGTH_MAX;
  }

  private static int length(Graph graph, Node node) {
    Shape weights = graph.shape(node.inputs().get(1));
    return weights.elements() / weights.dimension(0);
  }

  private static long products(Graph graph, Node node) {
    long length = length(graph, node);
    return node.op().groups() * length * length;
  }

  /** Rounding a weight changes those of the same output that are still to be rounded. */
  private static long rounding(Graph graph, Node node) {
    long length = length(graph, node);
    return graph.shape(node.inputs().get(1)).dimension(0) * length * length;
  }

  /**
   * Nothing seen yet of the input of a watched layer.
   *
   * @param items that will be seen, by all workers together
   */
  static Moments of(Graph graph, Node node, int items) {
    int length = length(graph, node);
    int wanted = (int) Math.min(PATCHES_WANTED, WORK_MAX / products(graph, node));
    Patches patches =
        node.op() instanceof Op.Conv(Window window, int group)
            ? Patches.of(window, graph.shape(node.input()), graph.shape(node.output()))
            : Patches.whole(length);
    int perItem = Math.max(1, wanted / Math.max(1, items));
    int step = Math.max(1, patches.places() / perItem);
    return new Moments(node.op().groups(), length, patches, step);
  }

  /**
   * Counts a batch of the layer's input, from the item of this number on. Each item is looked at
   * from another place on, so that all places are seen.
   */
  void add(FloatBuffer values, int firstItem) {
    float[] patch = new float[groups * length];
    int each = patches.elementsPerItem();
    int items = values.remaining() / each;
    for (int item = 0; item < items; item++) {
      int from = values.position() + item * each;
      for (int at = (firstItem + item) % step; at < patches.places(); at += step) {
        patches.read(values, from, at, patch);
        add(patch);
      }
    }
  }

  private void add(float[] patch) {
    count++;
    for (int group = 0; group < groups; group++) {
      int from = group * length;
      for (int i = 0; i < length; i++) {
        double value = patch[from + i];
        if (value == 0) {
          continue;
        }
        sums[from + i] += value;
        int row = (from + i) * length;
        for (int k = i; k < length; k++) {
          products[row + k] += value * patch[from + k];
        }
      }
    }
  }

  /** Adds what another worker saw of the same layer. */
  void merge(Moments other) {
    count += other.count;
    for (int i = 0; i < sums.length; i++) {
      sums[i] += other.sums[i];
    }
    for (int i = 0; i < products.length; i++) {
      products[i] += other.products[i];
    }
  }

  /** Values that one output reads. */
  public int length() {
    return length;
  }

  /** The mean of each value that the outputs of a group read. */
  public double[] means(int group) {
    double[] means = new double[length];
    for (int i = 0; i < length; i++) {
      means[i] = sums[group * length + i] / Math.max(1, count);
    }
    return means;
  }

  /** How these values vary together: length × length, symmetric. */
  public double[] covariance(int group) {
    double[] means = means(group);
    double[] covariance = new double[length * length];
    for (int i = 0; i < length; i++) {
      for (int k = i; k < length; k++) {
        double product = products[(group * length + i) * length + k] / Math.max(1, count);
        double value = product - means[i] * means[k];
        covariance[i * length + k] = value;
        covariance[k * length + i] = value;
      }
    }
    return covariance;
  }
}
