package io.skerry.packager;

import io.skerry.packager.measure.Measured;
import io.skerry.packager.measure.Metric;
import io.skerry.packager.measure.Quality;
import io.skerry.packager.measure.Timing;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * Which candidates of a profile no other one beats both in time and in the metric; where nothing is
 * timed, size stands for time.
 *
 * @param isTimed whether time counts, not size
 */
record Frontier(Metric metric, boolean isTimed, List<Measured> places) {
  private static final double KIBIBYTE = 1024;

  /** Of the candidates of one profile. */
  static Frontier of(Metric metric, List<Measured> candidates) {
    List<Measured> answering =
        candidates.stream()
            .filter(one -> one.quality().filter(Frontier::isPlace).isPresent())
            .toList();
    boolean timed = answering.stream().anyMatch(one -> one.timing().isPresent());
    return new Frontier(
        metric, timed, answering.stream().filter(one -> cost(one, timed).isPresent()).toList());
  }

  Frontier {
    places = List.copyOf(places);
  }

  /** A candidate that answers no numbers has no place. */
  private static boolean isPlace(Quality quality) {
    return Double.isFinite(quality.value())
        && Double.isFinite(quality.interval().low())
        && Double.isFinite(quality.interval().high());
  }

  private static OptionalDouble cost(Measured measured, boolean timed) {
    if (!timed) {
      return OptionalDouble.of(measured.bytes() / KIBIBYTE);
    }
    return measured.timing().isPresent()
        ? OptionalDouble.of(measured.timing().map(Timing::p50Micros).orElseThrow())
        : OptionalDouble.empty();
  }

  /** What a place costs: microseconds, or KiB where nothing is timed. */
  double cost(Measured place) {
    return cost(place, isTimed).orElseThrow();
  }

  /** Those that no other one beats. */
  Set<Measured> unbeaten() {
    Set<Measured> unbeaten = new HashSet<>();
    for (Measured place : places) {
      if (places.stream().noneMatch(other -> beats(other, place))) {
        unbeaten.add(place);
      }
    }
    return unbeaten;
  }

  private boolean beats(Measured other, Measured place) {
    double sign = metric.isError() ? -1 : 1;
    double gain =
        sign * (other.quality().orElseThrow().value() - place.quality().orElseThrow().value());
    double saved = cost(place) - cost(other);
    return saved >= 0 && gain >= 0 && (saved > 0 || gain > 0);
  }
}
