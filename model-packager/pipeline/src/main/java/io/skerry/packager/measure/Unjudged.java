package io.skerry.packager.measure;

import io.skerry.artifact.TensorSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Outputs by which nobody judges, for labels say nothing of them or another one was named: clients
 * may read them all the same, so a candidate still has to say there what the float model says.
 *
 * <p>An output is judged by the share of items on which both agree, as {@link Judge#byFloatModel}
 * tells, and by its noise. Of a few items either alone misleads: those that the float model hardly
 * decides turn at the least noise, and of probabilities that are all next to 0 noise is most.
 */
public final class Unjudged {
  private static final double AGREEMENT_MIN = 0.9;
  private static final double AGREEMENT_LEAST = 0.5;
  private static final double DECIBELS_MIN = 10;

  private final List<String> names;
  private final List<Judge> judges;

  private Unjudged(List<String> names, List<Judge> judges) {
    this.names = names;
    this.judges = judges;
  }

  /**
   * These outputs.
   *
   * @param floats what the float model says in them
   * @param threshold the score from which a positive class is predicted
   */
  public static Unjudged of(List<TensorSpec> outputs, Outputs floats, double threshold) {
    List<Optional<Places>> places =
        Places.of(
            outputs.stream()
                .map(TensorSpec::shape)
                .map(shape -> shape.subList(1, shape.size()))
                .toList());
    List<Outputs> parts = floats.parts();
    List<Judge> judges = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      judges.add(Judge.byFloatModel(parts.get(i), threshold, List.of(places.get(i))));
    }
    return new Unjudged(outputs.stream().map(TensorSpec::name).toList(), judges);
  }

  /** The same of these items only. */
  public Unjudged chosen(int... items) {
    return new Unjudged(names, judges.stream().map(judge -> judge.chosen(items)).toList());
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
      Quality quality = judges.get(i).quality(parts.get(i));
      boolean disagrees = !(quality.value() >= AGREEMENT_MIN);
      boolean noisy = !(quality.signalToNoise() >= DECIBELS_MIN);
      boolean fault = (disagrees && noisy) || !(quality.value() >= AGREEMENT_LEAST);
      if (faults ? fault : !fault && (disagrees || noisy)) {
        told.add(
            String.format(
                Locale.ROOT,
                "output '%s', which does not judge, agrees on %d of %d items at %.1f dB",
                names.get(i),
                Math.round(quality.value() * quality.items()),
                quality.items(),
                quality.signalToNoise()));
      }
    }
    return told.isEmpty()
        ? Optional.empty()
        : Optional.of(told.stream().collect(Collectors.joining(", ")));
  }
}
