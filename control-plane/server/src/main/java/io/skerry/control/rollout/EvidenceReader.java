package io.skerry.control.rollout;

import com.google.gson.Gson;
import io.skerry.api.RunMetrics;
import io.skerry.control.device.Profiles;
import io.skerry.control.drift.Monitoring;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.DeviceFeedback;
import io.skerry.fleet.gate.FailureGate;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.profile.HardwareProfile;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ProfileId;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** Counts what the gates of a rollout judge. */
@Singleton
final class EvidenceReader {
  // Controls are concurrent, and begin a little earlier so that the first stage has enough of them.
  private static final int CONTROL_WINDOWS_BEFORE = 4;
  private static final Gson GSON = new Gson();

  private final Profiles profiles;
  private final Monitoring monitoring;

  EvidenceReader(Profiles profiles, Monitoring monitoring) {
    this.profiles = profiles;
    this.monitoring = monitoring;
  }

  GateSettings.Evidence read(Transaction transaction, RolloutOrder order, Instant since) {
    long[] answered = answered(transaction, order, since);
    double threshold = threshold(transaction, order);
    return new GateSettings.Evidence(
        devices(transaction, order),
        answered[0],
        answered[1],
        latency(transaction, order, since),
        feedback(transaction, order, threshold, since, true),
        feedback(
            transaction,
            order,
            threshold,
            since.minus(order.window().multipliedBy(CONTROL_WINDOWS_BEFORE)),
            false),
        promise(transaction, order));
  }

  private record OfProfile(ProfileId profile, FailureGate.Devices devices) {}

  private static Map<ProfileId, FailureGate.Devices> devices(
      Transaction transaction, RolloutOrder order) {
    Map<ProfileId, FailureGate.Devices> devices = new HashMap<>();
    transaction
        .list(
            """
            select profile, count(*) as members,
              count(*) filter (where state in ('COMMITTED', 'REJECTED', 'FAILED', 'ROLLED_BACK'))
                as ended,
              count(*) filter (where state in ('REJECTED', 'FAILED', 'ROLLED_BACK')) as failed
            from deployment where rollout = ? and state <> 'PENDING' group by profile
            """,
            row ->
                new OfProfile(
                    new ProfileId(row.text("profile")),
                    new FailureGate.Devices(
                        row.bigint("members"), row.bigint("ended"), row.bigint("failed"))),
            order.id().value())
        .forEach(one -> devices.put(one.profile(), one.devices()));
    return devices;
  }

  private static long[] answered(Transaction transaction, RolloutOrder order, Instant since) {
    return transaction
        .first(
            """
            select coalesce(sum(w.predictions), 0) as answered,
              coalesce(sum(w.predictions_failed), 0) as failed
            from telemetry_window w
            join deployment d on d.rollout = ? and d.device = w.device and d.state <> 'PENDING'
            where w.slot = ? and w.model = ? and w.version = ? and w.end_at > ?
            """,
            row -> new long[] {row.bigint("answered"), row.bigint("failed")},
            order.id().value(),
            order.slot().value(),
            order.version().model().value(),
            order.version().version(),
            since)
        .orElse(new long[2]);
  }

  private record LatencyBin(String profile, boolean newer, int bin, long count) {}

  private Map<ProfileId, GateSettings.Latency> latency(
      Transaction transaction, RolloutOrder order, Instant since) {
    List<LatencyBin> bins =
        transaction.list(
            """
            select d.profile, s.version = ? as newer, bin.at, sum(bin.count)::bigint as count
            from telemetry_window_stream s
            join telemetry_window w using (device, boot_epoch, sequence)
            join deployment d on d.rollout = ? and d.device = s.device
            cross join unnest(s.counts) with ordinality as bin (count, at)
            where s.slot = ? and s.model = ? and s.stream = '$latency' and w.end_at > ?
            group by 1, 2, 3 order by 1, 2, 3
            """,
            row ->
                new LatencyBin(
                    row.text("profile"), row.flag("newer"), row.integer("at"), row.bigint("count")),
            order.version().version(),
            order.id().value(),
            order.slot().value(),
            order.version().model().value(),
            since);
    Map<ProfileId, GateSettings.Latency> byProfile = new HashMap<>();
    bins.stream()
        .map(LatencyBin::profile)
        .distinct()
        .forEach(
            profile ->
                byProfile.put(
                    new ProfileId(profile),
                    new GateSettings.Latency(
                        counts(bins, profile, true),
                        counts(bins, profile, false),
                        budget(profile))));
    return byProfile;
  }

  private static List<Long> counts(List<LatencyBin> bins, String profile, boolean newer) {
    List<Long> counts = new ArrayList<>();
    for (LatencyBin bin : bins) {
      if (bin.profile().equals(profile) && bin.newer() == newer) {
        while (counts.size() < bin.bin()) {
          counts.add(0L);
        }
        counts.set(bin.bin() - 1, bin.count());
      }
    }
    return counts;
  }

  private Optional<Duration> budget(String profile) {
    return profiles.catalog().profiles().stream()
        .filter(known -> known.id().equals(profile))
        .map(HardwareProfile::latencyBudget)
        .findFirst();
  }

  private double threshold(Transaction transaction, RolloutOrder order) {
    return transaction
        .first(
            "select manifest from deployment where rollout = ? order by device limit 1",
            row -> Digest.parse(row.text("manifest")),
            order.id().value())
        .flatMap(monitoring::of)
        .map(Monitoring.Monitored::threshold)
        .orElse(Monitoring.THRESHOLD);
  }

  private static List<DeviceFeedback> feedback(
      Transaction transaction, RolloutOrder order, double threshold, Instant since, boolean newer) {
    return transaction.list(
        """
        select f.device,
          count(*) filter (where f.actual < .5) as negatives,
          count(*) filter (where f.actual < .5 and f.score < ?) as negatives_right,
          count(*) filter (where f.actual >= .5) as positives,
          count(*) filter (where f.actual >= .5 and f.score >= ?) as positives_right
        from telemetry_feedback f
        where f.slot = ? and f.model = ? and (f.version = ?) = ? and f.joined
          and f.score is not null and f.predicted_at >= ?
        group by f.device order by f.device
        """,
        EvidenceReader::feedback,
        threshold,
        threshold,
        order.slot().value(),
        order.version().model().value(),
        order.version().version(),
        newer,
        since);
  }

  private static DeviceFeedback feedback(Row row) {
    return new DeviceFeedback(
        new DeviceId(row.text("device")),
        row.bigint("negatives"),
        row.bigint("negatives_right"),
        row.bigint("positives"),
        row.bigint("positives_right"));
  }

  private static OptionalDouble promise(Transaction transaction, RolloutOrder order) {
    return transaction
        .first(
            "select metrics from model_version where model = ? and version = ?",
            row -> row.optionalText("metrics"),
            order.version().model().value(),
            order.version().version())
        .flatMap(metrics -> metrics)
        .map(json -> GSON.fromJson(json, RunMetrics.class))
        .map(metrics -> OptionalDouble.of(metrics.balancedAccuracy().low()))
        .orElse(OptionalDouble.empty());
  }
}
