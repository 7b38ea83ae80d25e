package io.skerry.control.overview;

import io.skerry.api.DriftStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Features by cohorts, those with most evidence first.
 *
 * @param cohorts names of the columns
 * @param hidden rows and columns that do not fit; the CSV has them all
 */
public record HeatMap(List<String> cohorts, List<Row> rows, int hidden) {
  static final int ROWS_MAX = 40;
  static final int COLUMNS_MAX = 16;

  public HeatMap {
    cohorts = List.copyOf(cohorts);
    rows = List.copyOf(rows);
  }

  /** A feature; a cell is null where it was not judged. */
  public record Row(String feature, List<@Nullable Cell> cells) {}

  /**
   * A feature in a cohort: the kind of stream with most evidence.
   *
   * @param step 0 (nothing) to 5 (at the threshold or above)
   */
  public record Cell(DriftStream stream, int step) {
    /** What the cell says. */
    public String text() {
      return String.format(Locale.ROOT, "%+.2f", stream.effect());
    }

    /** The same for who cannot see its colour. */
    public String title() {
      return String.format(
          Locale.ROOT,
          "%s on %s, %s, %s in %s: change %+.3f, evidence %.1f of %.1f, %d devices",
          stream.stream(),
          stream.cohort(),
          Words.kind(stream.kind()),
          stream.model(),
          stream.slot(),
          stream.effect(),
          stream.logEvidence(),
          stream.logThreshold(),
          stream.devices());
    }
  }

  /**
   * Draws it.
   *
   * @param tracks of one model in a slot after another, twice: first which have most evidence, then
   *     their cells, for all of them need not be kept
   */
  static HeatMap of(Consumer<Consumer<List<DriftStream>>> tracks) {
    Map<String, Double> byFeature = new HashMap<>();
    Map<String, Double> byCohort = new HashMap<>();
    tracks.accept(
        track -> {
          for (DriftStream one : track) {
            byFeature.merge(one.stream(), one.logEvidence(), Math::max);
            byCohort.merge(one.cohort(), one.logEvidence(), Math::max);
          }
        });
    List<String> features = ranked(byFeature, ROWS_MAX);
    List<String> cohorts = ranked(byCohort, COLUMNS_MAX);
    Map<String, Map<String, DriftStream>> strongest = new HashMap<>();
    tracks.accept(
        track ->
            track.stream()
                .filter(one -> features.contains(one.stream()) && cohorts.contains(one.cohort()))
                .forEach(one -> keep(one, strongest)));
    List<Row> rows = new ArrayList<>();
    for (String feature : features) {
      List<@Nullable Cell> cells = new ArrayList<>();
      for (String cohort : cohorts) {
        DriftStream one = strongest.getOrDefault(feature, Map.of()).get(cohort);
        cells.add(one == null ? null : new Cell(one, step(one)));
      }
      rows.add(new Row(feature, cells));
    }
    return new HeatMap(
        cohorts, rows, byFeature.size() - features.size() + byCohort.size() - cohorts.size());
  }

  private static void keep(DriftStream one, Map<String, Map<String, DriftStream>> strongest) {
    strongest
        .computeIfAbsent(one.stream(), key -> new HashMap<>())
        .merge(
            one.cohort(),
            one,
            (first, second) -> second.logEvidence() > first.logEvidence() ? second : first);
  }

  private static int step(DriftStream stream) {
    double share = stream.logEvidence() / Math.max(1e-9, stream.logThreshold());
    return (int) Math.clamp(Math.floor(5 * Math.max(0, share)), 0, 5);
  }

  private static List<String> ranked(Map<String, Double> evidence, int limit) {
    return evidence.entrySet().stream()
        .sorted(
            Comparator.<Map.Entry<String, Double>>comparingDouble(Map.Entry::getValue)
                .reversed()
                .thenComparing(Map.Entry::getKey))
        .limit(limit)
        .map(Map.Entry::getKey)
        .toList();
  }
}
