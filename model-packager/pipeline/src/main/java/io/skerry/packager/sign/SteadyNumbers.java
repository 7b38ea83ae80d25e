package io.skerry.packager.sign;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.Tolerance;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/**
 * Where whole numbers of a file, such as those of classes, stay about the same when the input is
 * off by a little, several times by another noise: more than kernels of integers differ by.
 */
final class SteadyNumbers {
  private static final int ITEMS = 32;
  private static final int TIMES = 8;

  /** Of an item's largest number. */
  private static final float NOISE = 0.02f;

  /** The same of 8-bit integers, in steps. */
  private static final int STEPS = 2;

  /** Of each item, the outputs that turn. */
  private final Map<Integer, Set<String>> turning = new TreeMap<>();

  /** What outputs say of noisy items. */
  private final Map<String, DoubleSummaryStatistics> said = new TreeMap<>();

  private final Set<String> outputs;

  private SteadyNumbers(Set<String> outputs) {
    this.outputs = Set.copyOf(outputs);
  }

  /**
   * Runs the model on some of the inputs.
   *
   * @param tolerances of the outputs that are looked at: what differs by more has turned
   */
  static SteadyNumbers of(LoadedModel model, Samples inputs, Map<String, Tolerance> tolerances)
      throws EngineException {
    SteadyNumbers steady = new SteadyNumbers(tolerances.keySet());
    for (int item : Samples.spread(inputs.count(), ITEMS)) {
      Tensor input = Bench.input(model, inputs, item);
      GoldenCase wanted =
          new GoldenCase(List.of(), GoldenOutputs.golden(model.run(List.of(input))));
      Random random = new Random(item);
      Set<String> turned = new HashSet<>();
      for (int time = 0; time < TIMES; time++) {
        for (Tensor said : model.run(List.of(noisy(input, random)))) {
          Tolerance tolerance = tolerances.get(said.name());
          if (tolerance == null) {
            continue;
          }
          GoldenOutputs.accept(steady.said(said.name()), said);
          if (wanted
              .difference(said.name(), said.type(), said.shape(), said.data(), tolerance)
              .isPresent()) {
            turned.add(said.name());
          }
        }
      }
      steady.turning.put(item, turned);
    }
    return steady;
  }

  /** What an output said of items that were off. */
  DoubleSummaryStatistics said(String output) {
    return said.computeIfAbsent(output, name -> new DoubleSummaryStatistics());
  }

  private static Tensor noisy(Tensor input, Random random) {
    ByteBuffer from = input.data();
    ByteBuffer to = ByteBuffer.allocateDirect(from.limit()).order(ByteOrder.LITTLE_ENDIAN);
    if (input.type() == ElementType.FP32) {
      float most = 0;
      for (float value : input.floats()) {
        most = Math.max(most, Math.abs(value));
      }
      while (to.hasRemaining()) {
        float value = from.getFloat(to.position());
        to.putFloat(value + (random.nextBoolean() ? NOISE : -NOISE) * most);
      }
    } else {
      while (to.hasRemaining()) {
        int value = from.get(to.position()) + (random.nextBoolean() ? STEPS : -STEPS);
        to.put((byte) Math.clamp(value, Byte.MIN_VALUE, Byte.MAX_VALUE));
      }
    }
    return new Tensor(input.name(), input.type(), input.shape(), to.flip());
  }

  /**
   * So many items, spread over all on which every output is steady; else where most of them are.
   */
  List<Integer> items(int wanted) {
    List<Integer> steady =
        turning.keySet().stream().filter(item -> turned(item).isEmpty()).toList();
    List<Integer> chosen = new ArrayList<>();
    if (steady.size() >= wanted) {
      for (int index : Samples.spread(steady.size(), wanted)) {
        chosen.add(steady.get(index));
      }
      return chosen;
    }
    return turning.keySet().stream()
        .sorted(Comparator.comparingInt(item -> turned(item).size()))
        .limit(wanted)
        .sorted()
        .toList();
  }

  /** Outputs that are steady on none of so many items. */
  Set<String> nowhere(int wanted) {
    Set<String> nowhere = new HashSet<>(outputs);
    items(wanted).forEach(item -> nowhere.retainAll(turned(item)));
    return nowhere;
  }

  /** Outputs that turn on one of so many items, and on another one do not. */
  Set<String> turning(int item, int wanted) {
    Set<String> here = new HashSet<>(turned(item));
    here.removeAll(nowhere(wanted));
    return here;
  }

  private Set<String> turned(int item) {
    return turning.getOrDefault(item, Set.of());
  }
}
