package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.api.CorrelationReport;
import io.skerry.api.CorrelationShift;
import io.skerry.control.drift.IncidentStore.Stored;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.CorrelationChange;
import io.skerry.telemetry.sketch.CoMoments;
import io.skerry.wire.fleet.v1.Window;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Which features of an incident's cohort moved together before and do not since, from the sums that
 * devices send once a day. Of a large cohort some devices are read, on both sides the same ones.
 */
final class Correlations {
  static final int DEVICES_MAX = 300;

  private static final long DAY_MILLIS = 86_400_000;
  private static final long SPAN_MILLIS = 8 * DAY_MILLIS;
  private static final int SHOWN = 10;

  // Values follow the time of day: a few hours against whole days would tell of that.
  private static final long TOLD_MILLIS_MIN = DAY_MILLIS / 2;
  private static final long WHOLE_MILLIS = Duration.ofHours(23).toMillis();

  // Sums travel with the window that ends the day; of a device that counts windows together, or was
  // away then, with the next. Of minutes that are judged together, these are the first that came.
  private static final int WINDOWS_AFTER_MIDNIGHT = 6;

  // Of a device that was started anew within a window.
  private static final int RECORDS_OF_WINDOW_MAX = 4;

  private static final Gson GSON = new Gson();

  private final Monitoring monitoring;
  private final WindowLayouts layouts;

  Correlations(Monitoring monitoring, WindowLayouts layouts) {
    this.monitoring = monitoring;
    this.layouts = layouts;
  }

  /** What one device summed up on one side of the onset. */
  private static final class Side {
    private Optional<CoMoments> moments = Optional.empty();
    private long millis;
    private int sums;
    private int partial;

    void add(Told told) {
      // Of a device that changed to a variant whose features are in another order.
      if (moments.isPresent()
          && !Arrays.equals(moments.get().features(), told.moments().features())) {
        return;
      }
      moments.ifPresentOrElse(
          known -> known.merge(told.moments()), () -> moments = Optional.of(told.moments()));
      millis += told.millis();
      sums++;
      partial += told.isWhole() ? 0 : 1;
    }

    boolean tellsEnough() {
      return millis >= TOLD_MILLIS_MIN;
    }
  }

  private static final class Sides {
    private final Side before = new Side();
    private final Side since = new Side();
    private final Optional<String> unit;

    Sides(Optional<String> unit) {
      this.unit = unit;
    }

    void add(Told told) {
      (told.isBefore() ? before : since).add(told);
    }

    Optional<CorrelationChange.Device> device() {
      return before.tellsEnough() && since.tellsEnough()
          ? before.moments.flatMap(
              first ->
                  since.moments.map(second -> new CorrelationChange.Device(first, second, unit)))
          : Optional.empty();
    }
  }

  /**
   * Sums of one record.
   *
   * @param features names of these, in their order
   * @param unit the attribute whose values have one say each; empty = devices have
   * @param millis that they are of; a day where the record does not say
   */
  private record Told(
      List<String> features,
      Optional<String> unit,
      boolean isBefore,
      long millis,
      boolean isWhole,
      CoMoments moments) {}

  /** Devices with their attributes, of how many. */
  private record Chosen(Map<String, Map<String, String>> devices, long known) {}

  /** What is known by now; no pairs before enough of a day was told since the onset. */
  CorrelationReport of(Transaction transaction, Stored incident) {
    Track track = incident.track();
    long onset = track.startMillis(incident.incident().finding().onsetWindow());
    List<Long> windows = windows(track, onset);
    Chosen chosen = choose(transaction, incident, onset, windows);
    Map<List<String>, Map<String, Sides>> told =
        new TreeMap<>(Comparator.comparing(List::toString));
    read(
        transaction,
        incident,
        windows,
        List.copyOf(chosen.devices().keySet()),
        row ->
            told(incident, row, onset)
                .ifPresent(
                    one ->
                        told.computeIfAbsent(one.features(), key -> new TreeMap<>())
                            .computeIfAbsent(
                                row.text("device"),
                                device -> new Sides(unit(chosen.devices().get(device), one)))
                            .add(one)));
    // Variants may sum up other features: what most devices do is shown.
    Map.Entry<List<String>, List<Sides>> shown =
        told.entrySet().stream()
            .map(
                entry ->
                    Map.entry(
                        entry.getKey(),
                        entry.getValue().values().stream()
                            .filter(sides -> sides.device().isPresent())
                            .toList()))
            .max(Comparator.comparingInt(entry -> entry.getValue().size()))
            .orElse(Map.entry(List.of(), List.of()));
    return report(shown.getKey(), shown.getValue(), chosen);
  }

  private static Optional<String> unit(@Nullable Map<String, String> attributes, Told told) {
    return attributes == null
        ? Optional.empty()
        : told.unit().flatMap(unit -> Optional.ofNullable(attributes.get(unit)));
  }

  private static CorrelationReport report(List<String> features, List<Sides> told, Chosen chosen) {
    List<CorrelationShift> pairs = new ArrayList<>();
    List<CorrelationChange.Device> devices =
        told.stream().flatMap(sides -> sides.device().stream()).toList();
    for (CorrelationChange change : CorrelationChange.of(devices).stream().limit(SHOWN).toList()) {
      pairs.add(
          new CorrelationShift(
              features.get(change.one()),
              features.get(change.other()),
              change.before(),
              change.after(),
              change.change().value(),
              change.change().low(),
              change.change().high(),
              change.devices(),
              change.predictionsBefore(),
              change.predictionsAfter()));
    }
    double sums = told.stream().mapToInt(one -> one.before.sums + one.since.sums).sum();
    double partial = told.stream().mapToInt(one -> one.before.partial + one.since.partial).sum();
    return new CorrelationReport(
        pairs,
        devices.size(),
        chosen.devices().size(),
        chosen.known(),
        told.stream().mapToLong(one -> one.before.millis).average().orElse(0) / DAY_MILLIS,
        told.stream().mapToLong(one -> one.since.millis).average().orElse(0) / DAY_MILLIS,
        sums == 0 ? 0 : partial / sums);
  }

  private Optional<Told> told(Stored incident, Row row, long onset) {
    try {
      Window window = Window.parseFrom(row.bytes("record"));
      ModelVersion version =
          new ModelVersion(new ModelName(incident.track().model()), incident.version());
      Optional<CoMoments> moments = layouts.coMoments(version, window);
      Optional<Monitoring.Monitored> monitored = monitoring.named(row.text("manifest"));
      if (moments.isEmpty() || monitored.isEmpty()) {
        return Optional.empty();
      }
      long end = window.getEndMillis();
      long said = window.getCoMoments().getSinceMillis();
      boolean isSaid = said > 0 && said < end;
      long since = isSaid ? said : end - DAY_MILLIS;
      // What the onset lies in is neither.
      if (end > onset && since < onset) {
        return Optional.empty();
      }
      return Optional.of(
          new Told(
              Arrays.stream(moments.get().features())
                  .mapToObj(monitored.get().features()::get)
                  .toList(),
              monitored.get().streams().unit(),
              end <= onset,
              end - since,
              isSaid && end - since >= WHOLE_MILLIS,
              moments.get()));
    } catch (InvalidProtocolBufferException
        | MalformedDocumentException
        | IllegalArgumentException e) {
      // Windows of such content are quarantined; one from before that was so tells nothing.
      return Optional.empty();
    }
  }

  // Those that sums travel with, around the onset.
  private static List<Long> windows(Track track, long onset) {
    long length = track.windowMillis();
    TreeSet<Long> windows = new TreeSet<>();
    for (long midnight = Math.floorDiv(onset - SPAN_MILLIS, DAY_MILLIS) * DAY_MILLIS;
        midnight <= onset + SPAN_MILLIS;
        midnight += DAY_MILLIS) {
      long first = Math.ceilDiv(midnight, length) - 1;
      for (int i = 0; i < WINDOWS_AFTER_MIDNIGHT; i++) {
        long end = (first + i + 1) * length;
        if (first + i >= 0 && end > onset - SPAN_MILLIS && end <= onset + SPAN_MILLIS) {
          windows.add(first + i);
        }
      }
    }
    return List.copyOf(windows);
  }

  private static Chosen choose(
      Transaction transaction, Stored incident, long onset, List<Long> windows) {
    Track track = incident.track();
    Map<String, String> labels = new HashMap<>();
    incident
        .incident()
        .finding()
        .cohort()
        .terms()
        .forEach(term -> labels.put(term.attribute(), term.value()));
    String profile = labels.remove(WindowReader.PROFILE);
    List<Long> before =
        windows.stream().filter(window -> track.startMillis(window + 1) <= onset).toList();
    if (before.isEmpty()) {
      return new Chosen(Map.of(), 0);
    }
    Map<String, Map<String, String>> devices = new LinkedHashMap<>();
    long[] known = new long[1];
    transaction.forEach(
        """
        select device, labels, profile, count(*) over () as known from (
          select distinct on (w.device) w.device, d.labels::text as labels, d.profile
          from telemetry_window w
          join device_during d on d.device = w.device
            and d.since <= w.end_at and w.end_at < d.until
          where w.model = ? and w.slot = ? and w.window_millis = ? and w.version = ?
            and w.window_index = any(?)
            and d.labels @> ?::jsonb and (?::text is null or d.profile = ?)
          order by w.device, w.end_at desc) sending
        order by md5(device), device limit ?
        """,
        row -> {
          devices.put(row.text("device"), WindowReader.attributes(row));
          known[0] = row.bigint("known");
        },
        track.model(),
        track.slot(),
        track.windowMillis(),
        incident.version(),
        before,
        GSON.toJson(labels),
        profile,
        profile,
        DEVICES_MAX);
    return new Chosen(devices, known[0]);
  }

  private static void read(
      Transaction transaction,
      Stored incident,
      List<Long> windows,
      List<String> devices,
      Consumer<Row> reader) {
    if (devices.isEmpty()) {
      return;
    }
    Track track = incident.track();
    transaction.forEach(
        """
        select device, manifest, record from (
          select device, manifest, record, end_at, boot_epoch, sequence,
            row_number() over (partition by device, end_at order by boot_epoch, sequence) as nth,
            dense_rank() over (
              partition by device, date_trunc('day', end_at at time zone 'UTC') order by end_at)
              as nth_of_day
          from telemetry_window
          where model = ? and slot = ? and window_millis = ? and version = ?
            and window_index = any(?) and device = any(?)) numbered
        where nth <= ? and nth_of_day <= ? order by device, end_at, boot_epoch, sequence
        """,
        reader,
        track.model(),
        track.slot(),
        track.windowMillis(),
        incident.version(),
        windows,
        devices,
        RECORDS_OF_WINDOW_MAX,
        WINDOWS_AFTER_MIDNIGHT);
  }
}
