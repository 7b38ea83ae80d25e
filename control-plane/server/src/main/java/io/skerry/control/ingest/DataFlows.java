package io.skerry.control.ingest;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.api.DataFlow;
import io.skerry.api.QuarantinedRecord;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.telemetry.drift.Cohort;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** How well data came in, by device and by cohort. */
@Singleton
public final class DataFlows {
  /** Devices that are told of at a time: those with most that is wrong. */
  public static final int DEVICES_MAX = 10_000;

  // Less may pass between two predictions, or while a version is changed.
  private static final int SILENT_WINDOWS = 8;
  // The newest of a device, in which each of its slots is looked for: no index has them by slot.
  private static final int NEWEST_RECORDS = 32;

  private static final Gson GSON = new Gson();

  private final Database database;
  private final Duration wait;

  DataFlows(Database database, IngestConfig config) {
    this.database = database;
    this.wait = config.windowsWait();
  }

  private record OfDevice(DataFlow flow, long predictions, long counted, List<String> cohorts) {}

  /** The flow of each device in a span of time until now, those with most that is wrong first. */
  public List<DataFlow> devices(Duration span) {
    return read(span).stream()
        .map(OfDevice::flow)
        .sorted(
            Comparator.comparingLong(DataFlows::wrong)
                .thenComparingLong(DataFlow::silent)
                .reversed()
                .thenComparing(DataFlow::of))
        .limit(DEVICES_MAX)
        .toList();
  }

  /** The newest of what could not be taken. */
  public List<QuarantinedRecord> quarantine(int limit) {
    return database.call(transaction -> Quarantine.newest(transaction, Long.MAX_VALUE, "", limit));
  }

  /** The same added up over each cohort. */
  public List<DataFlow> cohorts(Duration span) {
    return cohorts(read(span));
  }

  /** The same, and first that of the fleet: added up over all devices. */
  public List<DataFlow> fleetAndCohorts(Duration span) {
    List<OfDevice> devices = read(span);
    List<DataFlow> flows = new ArrayList<>();
    flows.add(sum(Cohort.FLEET.toString(), devices));
    flows.addAll(cohorts(devices));
    return flows;
  }

  private static List<DataFlow> cohorts(List<OfDevice> devices) {
    Map<String, List<OfDevice>> cohorts = new TreeMap<>();
    for (OfDevice one : devices) {
      one.cohorts()
          .forEach(cohort -> cohorts.computeIfAbsent(cohort, key -> new ArrayList<>()).add(one));
    }
    return cohorts.entrySet().stream().map(entry -> sum(entry.getKey(), entry.getValue())).toList();
  }

  private static long wrong(DataFlow flow) {
    return flow.expected()
        - flow.received()
        + flow.late()
        + flow.missing()
        + flow.lost()
        + flow.quarantined();
  }

  private List<OfDevice> read(Duration span) {
    return database.call(
        transaction ->
            transaction.list(
                """
                select d.id, d.labels::text as labels, d.profile, w.*,
                  coalesce(p.online, false) as online, g.newest_at, g.gone, g.silent, l.missing, l.lost, l.windows_absent,
                  l.duplicates, q.quarantined, q.mismatched
                from device d
                left join (
                  select device, sum(lengths)::bigint as received,
                    sum(greatest(0, last_index - first_index + 1 - lengths))::bigint as between_them,
                    sum(greatest(0, ?::bigint / told_millis - 1 - last_index))::bigint as since,
                    sum(late)::bigint as late, min(lag)::bigint as lag,
                    sum(predictions)::bigint as predictions, sum(skipped)::bigint as skipped,
                    sum(anomalous)::bigint as anomalous,
                    sum(refused)::bigint as refused, max(last_at) as last_at
                  from (select device, slot, told_millis, sum(lengths) as lengths,
                      min(told_index - lengths + 1) as first_index,
                      max(told_index) as last_index, sum(late) as late, min(lag) as lag,
                      sum(predictions) as predictions, sum(skipped) as skipped,
                      sum(anomalous) as anomalous,
                      sum(refused) as refused, max(last_at) as last_at
                    from (select device, slot, told.millis as told_millis,
                        (extract(epoch from end_at) * 1000)::bigint / told.millis - 1 as told_index,
                        max(round(extract(epoch from end_at - start_at) * 1000 / told.millis))
                          as lengths,
                        count(*) filter (where received_at
                          > to_timestamp((window_index + 1) * window_millis / 1000.0)
                            + (1500 + greatest(?::bigint, window_millis / 4))
                              * interval '1 millisecond')
                          as late,
                        min(extract(epoch from received_at - end_at) * 1000) as lag,
                        sum(predictions) as predictions, sum(skipped) as skipped,
                        sum(anomalous) as anomalous,
                        sum(case when samples_refused <> '{}' then (select sum(value::bigint)
                          from jsonb_each_text(samples_refused)) else 0 end) as refused,
                        max(received_at) as last_at
                      from telemetry_window
                      cross join lateral (
                        select coalesce(told_millis, window_millis) as millis) told
                      where end_at > now() - ? * interval '1 millisecond' and window_millis > 0
                      group by device, slot, told.millis, told_index) t
                    group by device, slot, told_millis) s
                  group by device) w on w.device = d.id
                left join device_presence p on p.device = d.id
                left join lateral (
                  select max(n.last_at) as newest_at,
                    coalesce(sum(?::bigint / n.millis) filter (
                      where n.last_end <= now() - ? * interval '1 millisecond'), 0)::bigint as gone,
                    count(*) filter (
                      where r.running_model is not null
                        and n.last_end < now() - interval '1 millisecond'
                          * (?::bigint + ? * greatest(n.length, o.window_millis)))
                      + count(*) filter (where r.running_model is not null and n.last_end is null)
                        * (coalesce(max(n.records), 0) < ?)::int as silent
                  from (select slot, max(received_at) as last_at, max(end_at) as last_end,
                      max(coalesce(told_millis, window_millis)) as millis,
                      max((extract(epoch from end_at - start_at) * 1000)::bigint) as length,
                      sum(count(*)) over () as records
                    from (select * from telemetry_window
                      where device = d.id and window_millis > 0
                      order by boot_epoch desc, sequence desc limit ?) newest
                    group by slot) n
                  full join (select slot, running_model from device_slot_report
                    where device = d.id) r on r.slot = n.slot
                  left join desired_slot o on o.device = d.id and o.slot = r.slot) g on true
                left join (
                  select device, sum(highest - stored - given_up - damaged)::bigint as missing,
                    sum(given_up + damaged)::bigint as lost,
                    sum(duplicates)::bigint as duplicates,
                    sum(highest - stored) filter (where stream = 'windows')::bigint
                      as windows_absent
                  from ingest_ledger group by device) l on l.device = d.id
                left join (
                  select device, count(*) as quarantined,
                    count(*) filter (where reason like '%manifest%') as mismatched
                  from telemetry_quarantine where at > now() - ? * interval '1 millisecond'
                  group by device) q on q.device = d.id
                order by d.id
                """,
                DataFlows::flow,
                Instant.now().toEpochMilli(),
                wait.toMillis(),
                span.toMillis(),
                span.toMillis(),
                span.toMillis(),
                wait.toMillis(),
                SILENT_WINDOWS,
                NEWEST_RECORDS,
                NEWEST_RECORDS,
                span.toMillis()));
  }

  private static OfDevice flow(Row row) {
    long received = row.bigint("received");
    // A window without a prediction is not sent: what is between two is expected only as far as
    // records of windows are known to be absent, what is after the last one of a device that is
    // away, be that before the time that is looked at.
    long expected =
        received
            + Math.min(row.bigint("between_them"), row.bigint("windows_absent"))
            + (row.flag("online") ? 0 : row.bigint("since") + row.bigint("gone"));
    long predictions = row.bigint("predictions");
    long counted = predictions - row.bigint("skipped");
    List<String> cohorts = new ArrayList<>();
    Map<String, String> labels =
        GSON.fromJson(row.text("labels"), new TypeToken<Map<String, String>>() {});
    labels.forEach((name, value) -> cohorts.add(name + "=" + value));
    row.optionalText("profile").ifPresent(profile -> cohorts.add("profile=" + profile));
    return new OfDevice(
        new DataFlow(
            row.text("id"),
            1,
            expected,
            received,
            row.flag("online") ? row.bigint("silent") : 0,
            row.bigint("late"),
            row.bigint("missing"),
            row.bigint("lost"),
            row.bigint("duplicates"),
            row.bigint("quarantined"),
            row.bigint("mismatched"),
            row.bigint("refused"),
            row.optionalBigint("lag").map(lag -> -lag).orElse(null),
            share(counted, predictions),
            row.bigint("anomalous"),
            share(row.bigint("anomalous"), predictions),
            row.optionalInstant("last_at").or(() -> row.optionalInstant("newest_at")).orElse(null)),
        predictions,
        counted,
        cohorts);
  }

  private static DataFlow sum(String cohort, List<OfDevice> devices) {
    long predictions = devices.stream().mapToLong(OfDevice::predictions).sum();
    long counted = devices.stream().mapToLong(OfDevice::counted).sum();
    long anomalous = sum(devices, DataFlow::anomalous);
    return new DataFlow(
        cohort,
        devices.size(),
        sum(devices, DataFlow::expected),
        sum(devices, DataFlow::received),
        sum(devices, DataFlow::silent),
        sum(devices, DataFlow::late),
        sum(devices, DataFlow::missing),
        sum(devices, DataFlow::lost),
        sum(devices, DataFlow::duplicates),
        sum(devices, DataFlow::quarantined),
        sum(devices, DataFlow::mismatched),
        sum(devices, DataFlow::samplesRefused),
        furthest(devices),
        share(counted, predictions),
        anomalous,
        share(anomalous, predictions),
        devices.stream()
            .map(one -> one.flow().lastAt())
            .filter(at -> at != null)
            .max(Comparator.naturalOrder())
            .orElse(null));
  }

  // Anomalies may be found in a window before their predictions are counted.
  private static @Nullable Double share(long part, long predictions) {
    return predictions == 0 ? null : (Double) Math.min(1, (double) part / predictions);
  }

  private static long sum(
      List<OfDevice> devices, java.util.function.ToLongFunction<DataFlow> part) {
    return devices.stream().map(OfDevice::flow).mapToLong(part).sum();
  }

  private static @Nullable Long furthest(List<OfDevice> devices) {
    return devices.stream()
        .map(one -> one.flow().skewMillis())
        .filter(skew -> skew != null)
        .max(Comparator.comparingLong(Math::abs))
        .orElse(null);
  }
}
