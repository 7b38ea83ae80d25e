package io.skerry.packager.measure;

import io.skerry.artifact.TensorSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Outputs by which nobody judges, for labels say nothing of them or another one was named: clients
 * may read them all the same, so a candidate still has to say there what the float model says.
 *
 * <p>An output is judged by the share of items on which both agree, as {@link Judge#byFloatModel}
 * tells, and by its noise. Of a few items either alone misleads: those that the float model hardly
 * decides turn at the least noise, and of probabilities that are all next to 0 noise is most.
 *
 * <p>Where next to no item agrees, little noise is no excuse: unless one of many channels, or a
 * step of int8, is enough for an item to disagree.
 */
public final class Unjudged {
  private static final double AGREEMENT_MIN = 0.9;
  private static final double AGREEMENT_LEAST = 0.5;
  private static final double DECIBELS_MIN = 10;

  /** Below this share of a number's magnitude, steps of int8 are more than agreement allows. */
  private static final double SPAN_MIN = 0.05;

  private record Other(String name, Judge judge, Optional<Places> places) {}

  private final List<Other> others;

  private Unjudged(List<Other> others) {
    this.others = others;
  }

  /**
   * These outputs.
   *
   * @param judged outputs by which somebody judges: boxes among them tell of scores beside
   * @param outputs the others
   * @param floats what the float model says in those
   * @param threshold the score from which a positive class is predicted
   */
  public static Unjudged of(
      List<TensorSpec> judged, List<TensorSpec> outputs, Outputs floats, double threshold) {
    List<Optional<Places>> places =
        Places.of(
            Stream.concat(outputs.stream(), judged.stream()).map(TensorSpec::shapeOfItem).toList());
    List<Outputs> parts = floats.parts();
    List<Other> others = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      Judge judge = Judge.byFloatModel(parts.get(i), threshold, List.of(places.get(i)));
      others.add(new Other(outputs.get(i).name(), judge, places.get(i)));
    }
    return new Unjudged(others);
  }

  /** The same of these items only. */
  public Unjudged chosen(int... items) {
    return new Unjudged(
        others.stream()
            .map(other -> new Other(other.name, other.judge.chosen(items), other.places))
            .toList());
  }

  /** Why a candidate that says this must not ship: an output of it says something else. */
  public Optional<String> fault(Outputs said) {
    return told(said, true).map(outputs -> "no longer says what the given model says: " + outputs);
  }

  /** What must be known of a candidate that says this and may ship. */
  public Optional<String> remark(Outputs said) {
    return told(said, false);
  }

  private Optional<String> told(Outputs said, boolean faults) {
    List<Outputs> parts = said.parts();
    List<String> told = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      Other other = others.get(i);
      Quality quality = other.judge.quality(parts.get(i));
      boolean disagrees = !(quality.value() >= AGREEMENT_MIN);
      boolean noisy = !(quality.signalToNoise() >= DECIBELS_MIN);
      boolean lost = !(quality.value() >= AGREEMENT_LEAST) && !isExcused(other, parts.get(i));
      boolean fault = (disagrees && noisy) || lost;
      if (faults ? fault : !fault && (disagrees || noisy)) {
        told.add(
            String.format(
                Locale.ROOT,
                "output '%s', which does not judge, agrees on %d of %d items at %.1f dB",
                other.name,
                Math.round(quality.value() * quality.items()),
                quality.items(),
                quality.signalToNoise()));
      }
    }
    return told.isEmpty()
        ? Optional.empty()
        : Optional.of(told.stream().collect(Collectors.joining(", ")));
  }

  /** Whether next to no item need agree, as there is little noise. */
  private static boolean isExcused(Other other, Outputs said) {
    Outputs floats = other.judge.floats();
    if (other.places.isPresent()) {
      return !new PlacesAgreement(floats, other.places.get(), other.judge.threshold()).loses(said);
    }
    return floats.perItem() == 1
        && !other.judge.saysClasses()
        && Judge.span(floats) < SPAN_MIN * floats.largestMagnitude();
  }
}
