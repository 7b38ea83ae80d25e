package io.skerry.packager.measure;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How far what a model says is from what a reference says about the same items: what quantizations
 * are chosen by.
 *
 * <p>Of several outputs it is the mean of what it is of each: each has its own scale.
 *
 * <p>Where items get probabilities of classes, most items are so sure that hardly any noise shows.
 * Both are softened then, by the temperature at which the second class of half of the items comes
 * within a factor e of the first, and their Kullback-Leibler divergence is told: noise in what
 * tells the first classes apart counts most, on every item. Otherwise it is the share of noise in
 * the signal.
 *
 * @see <a href="https://arxiv.org/abs/1503.02531">Hinton et al. 2015, on softened outputs</a>
 */
public final class Divergence {
  private static final double SUM_TOLERANCE = 1e-3;

  /** Below this, 32-bit floats of an engine may have become 0. */
  private static final double LEAST = 1e-30;

  private final List<OfOne> parts;

  private Divergence(List<OfOne> parts) {
    this.parts = parts;
  }

  /** From this reference. */
  public static Divergence from(Outputs reference) {
    return new Divergence(reference.parts().stream().map(OfOne::from).toList());
  }

  /** Of the same items' outputs: 0 when they are the same, the smaller the closer. */
  public double of(Outputs outputs) {
    List<Outputs> said = outputs.parts();
    double sum = 0;
    for (int part = 0; part < parts.size(); part++) {
      sum += parts.get(part).of(said.get(part));
    }
    return sum / parts.size();
  }

  /** The same of some of the items. */
  public Divergence chosen(int... items) {
    return new Divergence(parts.stream().map(part -> part.chosen(items)).toList());
  }

  /** Of one output. */
  private record OfOne(Outputs reference, boolean probabilities, double temperature) {
    static OfOne from(Outputs reference) {
      boolean probabilities =
          reference.perItem() > 1
              && IntStream.range(0, reference.items())
                  .allMatch(item -> isDistribution(reference, item));
      return new OfOne(
          reference, probabilities, probabilities ? Divergence.temperature(reference) : 1);
    }

    double of(Outputs outputs) {
      if (!probabilities) {
        return Math.pow(10, -outputs.signalToNoise(reference) / 10);
      }
      double divergence = 0;
      for (int item = 0; item < reference.items(); item++) {
        double[] p = softened(reference, item);
        double[] q = softened(outputs, item);
        for (int i = 0; i < p.length; i++) {
          divergence += Math.exp(p[i]) * (p[i] - q[i]);
        }
      }
      return Math.max(0, divergence / reference.items());
    }

    OfOne chosen(int... items) {
      return new OfOne(reference.chosen(items), probabilities, temperature);
    }

    private double[] softened(Outputs outputs, int item) {
      double[] logs = new double[outputs.perItem()];
      double sum = 0;
      for (int i = 0; i < logs.length; i++) {
        logs[i] = Math.log(Math.max(LEAST, outputs.at(item, i))) / temperature;
        sum += Math.exp(logs[i]);
      }
      double total = Math.log(sum);
      for (int i = 0; i < logs.length; i++) {
        logs[i] -= total;
      }
      return logs;
    }
  }

  private static boolean isDistribution(Outputs outputs, int item) {
    double sum = 0;
    for (int i = 0; i < outputs.perItem(); i++) {
      double value = outputs.at(item, i);
      if (!(value >= 0)) {
        return false;
      }
      sum += value;
    }
    return Math.abs(sum - 1) <= SUM_TOLERANCE;
  }

  private static double temperature(Outputs outputs) {
    double[] margins = new double[outputs.items()];
    for (int item = 0; item < margins.length; item++) {
      double first = 0;
      double second = 0;
      for (int i = 0; i < outputs.perItem(); i++) {
        double value = outputs.at(item, i);
        if (value > first) {
          second = first;
          first = value;
        } else {
          second = Math.max(second, value);
        }
      }
      margins[item] = Math.log(Math.max(LEAST, first)) - Math.log(Math.max(LEAST, second));
    }
    Arrays.sort(margins);
    return Math.max(1, margins[margins.length / 2]);
  }
}
