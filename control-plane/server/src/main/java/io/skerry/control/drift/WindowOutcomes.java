package io.skerry.control.drift;

import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.DeviceWindow;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What became known of predictions while a window was counted. */
final class WindowOutcomes {
  private final Monitoring monitoring;

  WindowOutcomes(Monitoring monitoring) {
    this.monitoring = monitoring;
  }

  /**
   * A window that was read, with what became known in its time of what its devices' versions had
   * predicted. Labels are left out: people are asked about what seems wrong. Of what became known
   * of a prediction more than once, the newest counts.
   */
  WindowReader.Window with(
      Transaction transaction, Track track, long window, WindowReader.Window read) {
    List<Long> versions = new ArrayList<>();
    List<Double> thresholds = new ArrayList<>();
    List<Integer> classes = new ArrayList<>();
    read.manifests()
        .forEach(
            (version, manifest) ->
                monitoring
                    .of(manifest)
                    .filter(monitored -> monitored.streams().classes() > 1)
                    .ifPresent(
                        monitored -> {
                          versions.add(version.version());
                          thresholds.add(monitored.threshold());
                          classes.add(monitored.streams().classes());
                        }));
    if (versions.isEmpty()) {
      return read;
    }
    Map<String, Known> known = new HashMap<>();
    // Added up as decimals: the same in whatever order, so that judging again says the same. Of two
    // classes the score names one; of more the output does.
    transaction.forEach(
        """
        select device, version, classes, actual, count(*) as known,
          coalesce(sum(weight) filter (where predicted = actual), 0)::text as right,
          coalesce(sum(weight) filter (where predicted <> actual), 0)::text as wrong
        from (
          select distinct on (device, prediction_id) device, version, classes,
            case when classes = 2 then (score >= threshold)::int else predicted_class end
              as predicted,
            case when classes = 2 then (actual >= .5)::int
              when actual between -.5 and classes then round(actual)::int else -1 end as actual,
            round(1 / coalesce(inclusion_probability, 1)::numeric, 6) as weight
          from telemetry_feedback
          join unnest(?::bigint[], ?::text[]::float8[], ?::bigint[]) as of (version, threshold, classes)
            using (version)
          where slot = ? and model = ? and joined_at > ? and joined_at <= ? and source <> 'label'
            and case when classes = 2 then score is not null else predicted_class is not null end
          order by device, prediction_id, received_at desc, boot_epoch, sequence) outcomes
        where actual >= 0 and actual < classes
        group by device, version, classes, actual
        """,
        row ->
            known
                .computeIfAbsent(
                    ofVersion(row.text("device"), row.bigint("version")),
                    key -> new Known((int) row.bigint("classes")))
                .add(
                    row.integer("actual"),
                    row.bigint("known"),
                    new BigDecimal(row.text("right")),
                    new BigDecimal(row.text("wrong"))),
        versions,
        thresholds,
        classes.stream().map(Long::valueOf).toList(),
        track.slot(),
        track.model(),
        Instant.ofEpochMilli(track.startMillis(window)),
        Instant.ofEpochMilli(track.startMillis(window + 1)));
    Map<String, DeviceWindow.Outcomes> outcomesOf = new HashMap<>();
    known.forEach((device, counted) -> outcomesOf.put(device, counted.outcomes()));
    List<DeviceWindow> devices =
        read.devices().stream()
            .map(
                one ->
                    new DeviceWindow(
                        one.device(),
                        one.attributes(),
                        one.version(),
                        one.counts(),
                        outcomesOf.getOrDefault(
                            ofVersion(one.device().value(), one.version().version()),
                            DeviceWindow.Outcomes.NONE)))
            .toList();
    long outcomes = outcomesOf.values().stream().mapToLong(DeviceWindow.Outcomes::known).sum();
    return new WindowReader.Window(devices, read.manifests(), read.records(), outcomes);
  }

  /** What became known of one device's predictions, class by class. */
  private static final class Known {
    private final BigDecimal[] actual;
    private BigDecimal right = BigDecimal.ZERO;
    private BigDecimal wrong = BigDecimal.ZERO;
    private long count;

    Known(int classes) {
      actual = new BigDecimal[classes];
      Arrays.fill(actual, BigDecimal.ZERO);
    }

    void add(int of, long outcomes, BigDecimal cameTrue, BigDecimal didNot) {
      count += outcomes;
      right = right.add(cameTrue);
      wrong = wrong.add(didNot);
      actual[of] = actual[of].add(cameTrue).add(didNot);
    }

    DeviceWindow.Outcomes outcomes() {
      return new DeviceWindow.Outcomes(
          count,
          right.doubleValue(),
          wrong.doubleValue(),
          Arrays.stream(actual).map(BigDecimal::doubleValue).toList());
    }
  }

  private static String ofVersion(String device, long version) {
    return device + "@" + version;
  }
}
