package io.skerry.packager.quantize;

import io.skerry.packager.calibrate.Clipping;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * What may be chosen when a graph is quantized.
 *
 * @param clipping how ranges of activations are chosen
 * @param biasCorrection whether biases make up for the mean error of the rounded weights
 * @param equalization whether the ranges of channels are first evened out across layers
 * @param meanMatching whether biases also make up for the mean error of rounded activations
 * @param floats names of nodes that stay float
 */
public record Options(
    Clipping clipping,
    boolean biasCorrection,
    boolean equalization,
    boolean meanMatching,
    Set<String> floats) {
  public Options {
    floats = Set.copyOf(floats);
  }

  /** This clipping, biases corrected, nothing else. */
  public static Options of(Clipping clipping) {
    return new Options(clipping, true, false, false, Set.of());
  }

  /** The same with these nodes float. */
  public Options with(Set<String> floatNodes) {
    return new Options(clipping, biasCorrection, equalization, meanMatching, floatNodes);
  }

  /** The same with means matched. */
  public Options matched() {
    return new Options(clipping, biasCorrection, equalization, true, floats);
  }

  /** As reports write it. */
  public List<String> texts() {
    List<String> texts = new java.util.ArrayList<>(List.of(clipping.text()));
    if (biasCorrection) {
      texts.add("bias-corrected");
    }
    if (equalization) {
      texts.add("equalized");
    }
    if (meanMatching) {
      texts.add("means-matched");
    }
    if (!floats.isEmpty()) {
      texts.add("float:" + String.join("+", new TreeSet<>(floats)));
    }
    return texts;
  }
}
