package io.skerry.control.drift;

import io.skerry.control.drift.IncidentStore.Stored;
import io.skerry.control.drift.StoredScores.ScoreRow;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.incident.IncidentEvent;
import io.skerry.telemetry.drift.Calibration;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.EstimatedAccuracy;
import io.skerry.telemetry.drift.EstimatedAccuracy.Scored;
import io.skerry.telemetry.drift.LateWindow;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What the scores of an incident's cohort let expect of its accuracy, before the onset and since,
 * over the same hours of the day.
 *
 * <p>Each device's counts are kept with the incident and grow by one window at a time; after the
 * first day, by whole days, until which those of a day are kept apart. They are calibrated by the
 * outcomes of the same version and profile, of the whole fleet, from before the onset; with too few
 * of these nothing is certain, and so nothing is worse.
 */
final class CohortScores {
  private static final int WINDOWS_SINCE_MAX = 64;
  private static final int DAYS_CALIBRATED = 30;

  /** Outcomes below which scores are taken at their word. */
  static final int CALIBRATED_FROM = 100;

  private final WindowReader reader;

  CohortScores(WindowReader reader) {
    this.reader = reader;
  }

  /** When scores were made. */
  private enum Side {
    BEFORE,
    SINCE,
    /** Since the onset too, on a day that is not over. */
    TODAY
  }

  /** Of whom, and when, scores are added up. */
  private record Key(String device, String profile, Side side, boolean confidence) {}

  /**
   * What a window was judged from.
   *
   * @param receivedUntil what came after that is late for the next window, and counted then
   */
  record Came(
      long window, List<DeviceWindow> devices, List<LateWindow> late, Instant receivedUntil) {}

  /**
   * Adds a judged window and what came late, and at first those around the onset, and estimates;
   * empty while nothing was scored on one of the sides.
   */
  Optional<IncidentEvent> counted(
      Transaction transaction, Stored stored, Came came, double threshold) {
    if (stored.scoredThrough() < came.window()) {
      count(transaction, stored, came);
    }
    return estimate(transaction, stored, threshold);
  }

  private void count(Transaction transaction, Stored stored, Came came) {
    long window = came.window();
    Season season = season(transaction, stored, came);
    long onset = season.onset();
    Map<Key, long[]> sums = new HashMap<>();
    boolean isFirst = stored.scoredThrough() < 0;
    List<Long> before = new ArrayList<>(season.beside(window));
    if (isFirst) {
      before.addAll(season.always());
      for (long past = Math.max(onset, window - WINDOWS_SINCE_MAX); past < window; past++) {
        before.addAll(season.beside(past));
        add(
            sums,
            stored,
            side(season, past, window),
            read(transaction, stored, past, came.receivedUntil()));
      }
    }
    for (long past : before) {
      add(sums, stored, Side.BEFORE, read(transaction, stored, past, came.receivedUntil()));
    }
    if (window >= onset || !season.isKnown()) {
      add(sums, stored, side(season, window, window), came.devices());
    }
    // What is read now holds all that came until then, however late.
    came.late().stream()
        .filter(
            one ->
                !isFirst
                    && (one.window() >= onset || season.isBesideOneBefore(one.window(), window)))
        .forEach(
            one -> add(sums, stored, side(season, one.window(), window), List.of(one.counts())));
    if (season.day(stored.scoredThrough()) < season.day(window)) {
      endDay(transaction, stored);
    }
    keep(transaction, stored, window, season.isKnown(), sums);
    if (season.day(window) < season.day(window + 1)) {
      endDay(transaction, stored);
    }
  }

  // A version younger than a day would have nothing beside it until its hours come round.
  private Season season(Transaction transaction, Stored stored, Came came) {
    Season season = Season.of(stored.track(), stored.incident().finding().onsetWindow());
    if (!stored.scoredByHours()) {
      return season.withoutDays();
    }
    if (stored.scoredThrough() >= 0 || !season.isKnown()) {
      return season;
    }
    long first = Math.max(season.onset(), came.window() - WINDOWS_SINCE_MAX);
    LongStream beside =
        LongStream.rangeClosed(first, came.window())
            .flatMap(window -> season.beside(window).stream().mapToLong(past -> past));
    LongStream newest = season.withoutDays().always().stream().mapToLong(past -> past);
    boolean isYoung =
        beside.noneMatch(past -> isScored(transaction, stored, past, came))
            && newest.anyMatch(past -> isScored(transaction, stored, past, came));
    return isYoung ? season.withoutDays() : season;
  }

  private boolean isScored(Transaction transaction, Stored stored, long window, Came came) {
    Map<Key, long[]> sums = new HashMap<>();
    add(sums, stored, Side.BEFORE, read(transaction, stored, window, came.receivedUntil()));
    return !sums.isEmpty();
  }

  private static Side side(Season season, long window, long newest) {
    if (window < season.onset()) {
      return Side.BEFORE;
    }
    boolean isToday = season.day(window) > 0 && season.day(window) == season.day(newest);
    return isToday ? Side.TODAY : Side.SINCE;
  }

  private List<DeviceWindow> read(
      Transaction transaction, Stored stored, long window, Instant receivedUntil) {
    return reader.read(transaction, stored.track(), window, receivedUntil).devices();
  }

  private static void add(
      Map<Key, long[]> sums, Stored stored, Side side, List<DeviceWindow> devices) {
    Cohort cohort = stored.incident().finding().cohort();
    for (DeviceWindow one : devices) {
      if (one.version().version() != stored.version() || !cohort.holds(one.attributes())) {
        continue;
      }
      StoredScores.of(one)
          .ifPresent(
              row ->
                  row.addTo(
                      sums.computeIfAbsent(
                          new Key(
                              one.device().value(),
                              one.attributes().getOrDefault(WindowReader.PROFILE, ""),
                              side,
                              row.confidence()),
                          key -> new long[Calibration.BINS])));
    }
  }

  private static void keep(
      Transaction transaction,
      Stored stored,
      long window,
      boolean isByHours,
      Map<Key, long[]> sums) {
    List<@Nullable Object[]> rows = new ArrayList<>();
    List<@Nullable Object[]> today = new ArrayList<>();
    sums.forEach(
        (key, sum) -> {
          if (key.side() == Side.TODAY) {
            today.add(
                new @Nullable Object[] {
                  stored.number(), key.device(), key.profile(), key.confidence(), sum
                });
          } else {
            rows.add(
                new @Nullable Object[] {
                  stored.number(),
                  key.device(),
                  key.profile(),
                  key.side() == Side.SINCE,
                  key.confidence(),
                  sum
                });
          }
        });
    transaction.batch(
        """
        insert into incident_score (incident, device, profile, since, confidence, counts)
        values (?, ?, ?, ?, ?, ?)
        on conflict (incident, device, profile, since, confidence) do update set counts = (
          select array_agg(before + added order by bin)
          from unnest(incident_score.counts, excluded.counts) with ordinality
            as bins (before, added, bin))
        """,
        rows);
    transaction.batch(
        """
        insert into incident_score_today (incident, device, profile, confidence, counts)
        values (?, ?, ?, ?, ?)
        on conflict (incident, device, profile, confidence) do update set counts = (
          select array_agg(before + added order by bin)
          from unnest(incident_score_today.counts, excluded.counts) with ordinality
            as bins (before, added, bin))
        """,
        today);
    transaction.update(
        "update incident set scored_through = ?, scored_by_hours = ? where number = ?",
        window,
        isByHours,
        stored.number());
  }

  private static void endDay(Transaction transaction, Stored stored) {
    transaction.update(
        """
        with today as (delete from incident_score_today where incident = ? returning *)
        insert into incident_score (incident, device, profile, since, confidence, counts)
        select incident, device, profile, true, confidence, counts from today
        on conflict (incident, device, profile, since, confidence) do update set counts = (
          select array_agg(before + added order by bin)
          from unnest(incident_score.counts, excluded.counts) with ordinality
            as bins (before, added, bin))
        """,
        stored.number());
  }

  private static Optional<IncidentEvent> estimate(
      Transaction transaction, Stored stored, double threshold) {
    List<Sum> kept =
        transaction.list(
            """
            select profile, since, confidence, counts from incident_score where incident = ?
            order by device, profile
            """,
            row ->
                new Sum(
                    row.text("profile"),
                    row.flag("since"),
                    new ScoreRow(
                        row.flag("confidence"),
                        Arrays.stream(row.bigints("counts")).boxed().toList())),
            stored.number());
    if (kept.isEmpty()) {
      return Optional.empty();
    }
    boolean confidence = kept.getFirst().row().confidence();
    Map<String, Calibration> calibrations = calibrations(transaction, stored, confidence);
    Optional<EstimatedAccuracy> before = side(kept, false, calibrations, threshold);
    Optional<EstimatedAccuracy> since = side(kept, true, calibrations, threshold);
    return before.isEmpty() || since.isEmpty()
        ? Optional.empty()
        : Optional.of(new IncidentEvent.ScoresCounted(before.get(), since.get()));
  }

  private record Sum(String profile, boolean since, ScoreRow row) {}

  private static Optional<EstimatedAccuracy> side(
      List<Sum> kept, boolean since, Map<String, Calibration> calibrations, double threshold) {
    boolean confidence = kept.getFirst().row().confidence();
    List<Scored> devices =
        kept.stream()
            .filter(one -> one.since() == since && one.row().confidence() == confidence)
            .map(
                one ->
                    new Scored(
                        one.row().counts(),
                        calibrations.getOrDefault(one.profile(), Calibration.none())))
            .toList();
    if (devices.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        confidence
            ? EstimatedAccuracy.ofConfidence(devices)
            : EstimatedAccuracy.of(devices, threshold));
  }

  private static Map<String, Calibration> calibrations(
      Transaction transaction, Stored stored, boolean confidence) {
    Map<String, Calibration.Sums> sums = new HashMap<>();
    Instant onset =
        Instant.ofEpochMilli(stored.track().startMillis(stored.incident().finding().onsetWindow()));
    // Labels are left out: people are asked about what seems wrong.
    transaction.forEach(
        """
        select profile, device, bin, count(*) as outcomes, sum(weight / read_share) as weight,
          sum((weight / read_share) * (weight / read_share)) as squares,
          coalesce(sum(weight / read_share) filter (where positive), 0) as of_positives
        from (%s) outcomes
        group by profile, device, bin
        """
            .formatted(
                OutcomeSample.of(
                    """
          select distinct on (f.device, f.prediction_id) f.device, f.prediction_id,
            coalesce(d.profile, '') as profile,
            greatest(0, least(63, floor(64 * said.score)))::int as bin,
            1 / coalesce(f.inclusion_probability, 1) as weight,
            case when wanted.confidence then f.predicted_class = round(f.actual)
              else f.actual >= .5 end as positive
          from telemetry_feedback f
          join device_during d on d.device = f.device
            and d.since <= f.predicted_at and f.predicted_at < d.until
          cross join (select ?::boolean as confidence) wanted
          cross join lateral (
            select case when wanted.confidence
                then coalesce(f.confidence, greatest(f.score, 1 - f.score))
              else f.score end as score) said
          where f.source <> 'label' and f.slot = ? and f.model = ? and f.version = ? and f.joined
            and f.predicted_at >= ? and f.predicted_at < ? and said.score is not null
            and (f.predicted_class is not null or not wanted.confidence)
          order by f.device, f.prediction_id, f.received_at desc, f.boot_epoch, f.sequence
        """)),
        row ->
            sums.computeIfAbsent(row.text("profile"), key -> new Calibration.Sums())
                .add(
                    row.text("device"),
                    row.integer("bin"),
                    row.bigint("outcomes"),
                    row.number("weight"),
                    row.number("squares"),
                    row.number("of_positives")),
        confidence,
        stored.track().slot(),
        stored.track().model(),
        stored.version(),
        onset.minus(DAYS_CALIBRATED, ChronoUnit.DAYS),
        onset,
        OutcomeSample.OUTCOMES_MAX);
    Map<String, Calibration> calibrations = new HashMap<>();
    sums.forEach(
        (profile, sum) -> {
          if (sum.outcomes() >= CALIBRATED_FROM) {
            calibrations.put(profile, sum.calibration());
          }
        });
    return calibrations;
  }
}
