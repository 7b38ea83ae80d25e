package io.skerry.packager;

import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.measure.Divergence;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.runtime.EngineException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Chooses the options of quantized recipes: on calibration items only, by how little of the float
 * model's outputs they change. The evaluation items decide nothing but how many layers must go back
 * to float.
 */
final class Tuning {
  /** Items on which each layer's sensitivity is measured. */
  private static final int SENSITIVITY_ITEMS = 64;

  /** So many parts of a graph are measured at most: more layers are measured several at a time. */
  private static final int SENSITIVITY_PARTS_MAX = 200;

  private final Graph graph;
  private final Forms forms;
  private final Samples calibration;
  private final Divergence floats;
  private final Map<Recipe, Recipe> chosen = new HashMap<>();
  private final Map<Recipe, Recipe> mixed = new HashMap<>();

  /**
   * Tunes recipes of a graph.
   *
   * @param floats what the float model says about the calibration items
   */
  Tuning(Graph graph, Forms forms, Samples calibration, Outputs floats) {
    this.graph = graph;
    this.forms = forms;
    this.calibration = calibration;
    this.floats = Divergence.from(floats);
  }

  /** The recipe with its best options; one that needs none, or cannot be followed, as it is. */
  Recipe tuned(Recipe recipe) throws IOException {
    if (recipe.scheme().isEmpty()) {
      return recipe;
    }
    Recipe known = chosen.get(recipe);
    if (known == null) {
      known = best(recipe);
      chosen.put(recipe, known);
    }
    return known;
  }

  private Recipe best(Recipe recipe) throws IOException {
    Options best = Options.of(Clipping.MSE);
    double least = Double.POSITIVE_INFINITY;
    for (Options options : candidates()) {
      double off = off(recipe.with(options));
      if (off < least) {
        least = off;
        best = options;
      }
    }
    Recipe chosen = recipe.with(best);
    Recipe matched = recipe.with(best.matched());
    return off(matched) < least ? matched : chosen;
  }

  private double off(Recipe recipe) throws IOException {
    return trial(recipe, calibration).map(floats::of).orElse(Double.POSITIVE_INFINITY);
  }

  private static List<Options> candidates() {
    List<Options> candidates = new ArrayList<>();
    for (Clipping clipping : Clipping.values()) {
      candidates.add(Options.of(clipping));
      candidates.add(new Options(clipping, true, true, false, Set.of()));
    }
    return candidates;
  }

  private Optional<Outputs> trial(Recipe recipe, Samples items) throws IOException {
    try {
      return Optional.of(forms.trial(recipe, items));
    } catch (EngineException | ModelRefusedException e) {
      // The same refusal comes again, with its reason, when the recipe is followed for good.
      return Optional.empty();
    }
  }

  /**
   * The recipe with as few layers back in float as make its form good enough: twice as many at each
   * step, the most sensitive first. Empty when that does not help, or nothing is left to be
   * integer.
   */
  Optional<Recipe> mixed(Recipe tuned, Predicate<Forms.Form> keeps) throws IOException {
    Recipe known = mixed.get(tuned);
    if (known != null) {
      return Optional.of(known);
    }
    List<Recipe> more = withMoreFloats(tuned, bySensitivity(tuned));
    for (int size = 1; size <= more.size(); size *= 2) {
      Recipe tried = more.get(size - 1);
      if (keeps.test(forms.form(tried))) {
        mixed.put(tuned, tried);
        return Optional.of(tried);
      }
    }
    return Optional.empty();
  }

  private static List<Recipe> withMoreFloats(Recipe recipe, List<Set<String>> worstFirst) {
    Options options = recipe.options().orElseThrow();
    Set<String> floatNodes = new LinkedHashSet<>(options.floats());
    List<Recipe> more = new ArrayList<>();
    // Something must be left to be integer.
    for (Set<String> part : worstFirst.subList(0, Math.max(0, worstFirst.size() - 1))) {
      floatNodes.addAll(part);
      more.add(recipe.with(options.with(floatNodes)));
    }
    return more;
  }

  /** Layers, each with what only follows it, worst first: measured with all others in float. */
  private List<Set<String>> bySensitivity(Recipe tuned) throws IOException {
    List<Set<String>> layers = together(layers(), SENSITIVITY_PARTS_MAX);
    int[] chosen = Samples.spread(calibration.count(), SENSITIVITY_ITEMS);
    Samples items = calibration.chosen(chosen);
    Divergence reference = floats.chosen(chosen);
    Map<Set<String>, Optional<Double>> off = new LinkedHashMap<>();
    for (Set<String> layer : layers) {
      Set<String> others = new LinkedHashSet<>();
      layers.stream().filter(other -> !other.equals(layer)).forEach(others::addAll);
      Recipe alone = tuned.with(tuned.options().orElseThrow().with(others));
      off.put(layer, trial(alone, items).map(reference::of));
    }
    return worstFirst(off);
  }

  /** What recipes say about items, wherever they run; absent where one does not. */
  @FunctionalInterface
  interface Trial {
    Optional<Outputs> said(Recipe recipe, Samples items) throws IOException;
  }

  /**
   * The recipe with more and more of its layers back in float: one more part of them at each step,
   * as long as a part stays integer, first the one that helps the most by itself. A part alone in
   * integers would not show what is lost: engines calculate with integers between integers only.
   *
   * @param partsMax layers are put together into so many parts at most
   * @param itemsMax items on which each is measured
   * @param trial runs them where their accuracy counts
   */
  List<Recipe> withMoreFloats(Recipe recipe, int partsMax, int itemsMax, Trial trial)
      throws IOException {
    Options options = recipe.options().orElseThrow();
    List<Set<String>> integers =
        layers().stream().filter(layer -> !options.floats().containsAll(layer)).toList();
    if (integers.size() < 2) {
      return List.of();
    }
    int[] chosen = Samples.spread(calibration.count(), itemsMax);
    Samples items = calibration.chosen(chosen);
    Divergence reference = floats.chosen(chosen);
    Map<Set<String>, Optional<Double>> spared = new LinkedHashMap<>();
    for (Set<String> part : together(integers, partsMax)) {
      Set<String> floatNodes = new LinkedHashSet<>(options.floats());
      floatNodes.addAll(part);
      double left =
          said(trial, recipe.with(options.with(floatNodes)), items)
              .map(reference::of)
              .orElse(Double.POSITIVE_INFINITY);
      spared.put(part, Optional.of(-left));
    }
    return withMoreFloats(recipe, worstFirst(spared));
  }

  private static Optional<Outputs> said(Trial trial, Recipe recipe, Samples items)
      throws IOException {
    try {
      return trial.said(recipe, items);
    } catch (ModelRefusedException e) {
      return Optional.empty();
    }
  }

  /** What cannot even be tried as integers is worst of all; the same stay in their order. */
  static List<Set<String>> worstFirst(Map<Set<String>, Optional<Double>> off) {
    return off.entrySet().stream()
        .sorted(
            Comparator.comparingDouble(layer -> -layer.getValue().orElse(Double.POSITIVE_INFINITY)))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Layers that follow each other put together, so that there are no more than so many. */
  static List<Set<String>> together(List<Set<String>> layers, int most) {
    int each = Math.ceilDiv(layers.size(), most);
    List<Set<String>> together = new ArrayList<>();
    for (int first = 0; first < layers.size(); first += each) {
      Set<String> part = new LinkedHashSet<>();
      layers.subList(first, Math.min(first + each, layers.size())).forEach(part::addAll);
      together.add(part);
    }
    return together;
  }

  private List<Set<String>> layers() {
    List<Set<String>> layers = new ArrayList<>();
    Set<String> open = new LinkedHashSet<>();
    for (Node node : graph.nodes()) {
      boolean starts =
          node.op().isWeighted()
              || node.op() instanceof Op.ConvTranspose
              || node.op() instanceof Op.Binary;
      if (starts && !open.isEmpty()) {
        layers.add(open);
        open = new LinkedHashSet<>();
      }
      open.add(node.name());
    }
    if (!open.isEmpty()) {
      layers.add(open);
    }
    return layers;
  }
}
