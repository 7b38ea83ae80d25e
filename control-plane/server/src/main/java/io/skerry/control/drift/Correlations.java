package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.api.CorrelationShift;
import io.skerry.control.drift.DriftStore.Stored;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.CorrelationChange;
import io.skerry.telemetry.sketch.CoMoments;
import io.skerry.wire.fleet.v1.Window;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which features of an incident's cohort moved together before and do not since, from the sums that
 * devices send once a day.
 */
final class Correlations {
  private static final long DAY_MILLIS = 86_400_000;
  private static final Duration SPAN = Duration.ofDays(8);
  private static final int SHOWN = 10;
  private static final int RECORDS_MAX = 20_000;

  // Sums travel with the window that ends the day; of a device that counts windows together, or was
  // away then, with the next.
  private static final int WINDOWS_AFTER_MIDNIGHT = 6;

  private static final Gson GSON = new Gson();

  private final Monitoring monitoring;

  Correlations(Monitoring monitoring) {
    this.monitoring = monitoring;
  }

  /** What one device summed up, on either side of the onset. */
  private static final class Sums {
    private @Nullable CoMoments before;
    private @Nullable CoMoments since;

    void add(CoMoments moments, boolean isBefore) {
      CoMoments known = isBefore ? before : since;
      if (known == null) {
        before = isBefore ? moments : before;
        since = isBefore ? since : moments;
      } else {
        known.merge(moments);
      }
    }

    Optional<CorrelationChange.Device> device() {
      CoMoments first = before;
      CoMoments second = since;
      return first == null || second == null
          ? Optional.empty()
          : Optional.of(new CorrelationChange.Device(first, second));
    }
  }

  /** The pairs that changed most surely; none before a whole day has passed since the onset. */
  List<CorrelationShift> of(Transaction transaction, Stored incident) {
    Track track = incident.track();
    Instant onset =
        Instant.ofEpochMilli(track.startMillis(incident.incident().finding().onsetWindow()));
    Optional<String> manifest = manifest(transaction, incident, onset);
    Optional<List<String>> names =
        manifest.flatMap(monitoring::named).map(Monitoring.Monitored::features);
    if (names.isEmpty()) {
      return List.of();
    }
    List<String> features = names.get();
    List<Told> told =
        read(transaction, incident, manifest.orElseThrow(), onset).stream()
            .flatMap(record -> told(record, features.size(), onset.toEpochMilli()).stream())
            .toList();
    // What most devices sum up: one that says something else has not read its manifest.
    List<Integer> shown =
        told.stream()
            .collect(Collectors.groupingBy(Told::features, Collectors.counting()))
            .entrySet()
            .stream()
            .max(Map.Entry.comparingByValue())
            .map(Map.Entry::getKey)
            .orElse(List.of());
    Map<String, Sums> sums = new HashMap<>();
    told.stream()
        .filter(one -> one.features().equals(shown))
        .forEach(
            one ->
                sums.computeIfAbsent(one.device(), key -> new Sums())
                    .add(one.moments(), one.isBefore()));
    List<CorrelationChange.Device> devices =
        sums.entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .flatMap(entry -> entry.getValue().device().stream())
            .toList();
    List<CorrelationShift> shifts = new ArrayList<>();
    for (CorrelationChange change : CorrelationChange.of(devices).stream().limit(SHOWN).toList()) {
      shifts.add(
          new CorrelationShift(
              features.get(shown.get(change.one())),
              features.get(shown.get(change.other())),
              change.before(),
              change.after(),
              change.change().value(),
              change.change().low(),
              change.change().high(),
              change.devices(),
              change.predictionsBefore(),
              change.predictionsAfter()));
    }
    return shifts;
  }

  private record Sent(String device, long endMillis, ByteString window) {}

  private record Told(String device, boolean isBefore, CoMoments moments) {
    List<Integer> features() {
      return Arrays.stream(moments.features()).boxed().toList();
    }
  }

  private static Optional<Told> told(Sent record, int features, long onsetMillis) {
    boolean isBefore = record.endMillis() <= onsetMillis;
    // A day that the onset lies in is neither.
    if (!isBefore && record.endMillis() - DAY_MILLIS < onsetMillis) {
      return Optional.empty();
    }
    try {
      Window window = Window.parseFrom(record.window());
      return window.hasCoMoments()
          ? Optional.of(
              new Told(
                  record.device(), isBefore, CoMoments.fromWire(window.getCoMoments(), features)))
          : Optional.empty();
    } catch (InvalidProtocolBufferException | MalformedDocumentException e) {
      // Windows of such content are quarantined; one from before that was so tells nothing.
      return Optional.empty();
    }
  }

  private static Optional<String> manifest(
      Transaction transaction, Stored incident, Instant onset) {
    return transaction.first(
        """
        select manifest from telemetry_window
        where slot = ? and model = ? and version = ? and window_millis = ? and end_at > ?
        order by end_at limit 1
        """,
        row -> row.text("manifest"),
        incident.track().slot(),
        incident.track().model(),
        incident.version(),
        incident.track().windowMillis(),
        onset);
  }

  private static List<Sent> read(
      Transaction transaction, Stored incident, String manifest, Instant onset) {
    Track track = incident.track();
    Cohort cohort = incident.incident().finding().cohort();
    Map<String, String> labels = new HashMap<>();
    cohort.terms().forEach(term -> labels.put(term.attribute(), term.value()));
    String profile = labels.remove(WindowReader.PROFILE);
    return transaction.list(
        """
        select w.device, w.end_at, w.record from telemetry_window w
        join device d on d.id = w.device
        where w.slot = ? and w.model = ? and w.version = ? and w.manifest = ?
          and w.window_millis = ? and w.end_at > ? and w.end_at <= ?
          and (extract(epoch from w.end_at) * 1000)::bigint % ? < ?
          and d.labels @> ?::jsonb and (?::text is null or d.profile = ?)
        order by w.end_at, w.device, w.boot_epoch, w.sequence limit ?
        """,
        row ->
            new Sent(
                row.text("device"),
                row.instant("end_at").toEpochMilli(),
                ByteString.copyFrom(row.bytes("record"))),
        track.slot(),
        track.model(),
        incident.version(),
        manifest,
        track.windowMillis(),
        onset.minus(SPAN),
        onset.plus(SPAN),
        DAY_MILLIS,
        WINDOWS_AFTER_MIDNIGHT * track.windowMillis(),
        GSON.toJson(labels),
        profile,
        profile,
        RECORDS_MAX);
  }
}
