package io.skerry.control.rollout;

import io.skerry.control.BenchPlane;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.ingest.RecordsStoring;
import io.skerry.control.link.ControlLink;
import io.skerry.control.sql.Database;
import io.skerry.fleet.rollout.Lease;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * What a large fleet has sent of the versions that rollouts compare, and what it goes on sending.
 */
public final class FleetEvidence {
  private static final int WARM_UP = 2;
  // As often as the engine looks.
  private static final Duration PERIOD = Duration.ofMillis(500);
  private static final int WINDOWS_A_BATCH = 500;
  // Of the windows of a rollout: most devices have not got the version yet.
  private static final int NEWER_ONE_IN = 4;
  private static final int PREDICTIONS = 60;
  private static final int FAST_BIN = 10;
  private static final int SLOW_BIN = 20;
  private static final int LATENCY_BINS = 32;

  private final BenchPlane plane;
  private final Database database;
  private final Arms arms;
  private final String profile;
  private final int devices;
  private final Random random = new Random(7);
  private final List<OfRollout> rollouts;
  private Instant now;

  private record OfRollout(String id, String slot, ModelVersion version, List<String> newer) {
    OfRollout {
      newer = List.copyOf(newer);
    }
  }

  /** Of the rollouts that are under way, and the devices that run what they bring. */
  FleetEvidence(BenchPlane plane, String profile, int devices, int count) {
    this.plane = plane;
    this.database = plane.bean(Database.class);
    this.arms = plane.bean(Arms.class);
    this.profile = profile;
    this.devices = devices;
    this.now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    this.rollouts =
        database.call(
            transaction ->
                transaction.list(
                    """
                    select r.id, r.model, r.version, r.slots[1] as slot,
                      array_agg(d.device order by d.device) as newer
                    from rollout r
                    join deployment d on d.rollout = r.id and d.state = 'COMMITTED'
                    where r.phase = 'RUNNING' group by r.id order by r.id
                    """,
                    row ->
                        new OfRollout(
                            row.text("id"),
                            row.text("slot"),
                            RolloutTables.version(row),
                            row.texts("newer"))));
    if (rollouts.size() != count) {
      throw new IllegalStateException("%d rollouts are under way".formatted(rollouts.size()));
    }
  }

  /**
   * Gives devices, by their numbers, what they would have sent since the stages opened: those that
   * run a rollout's version of that, those without an order of the version before. No device of
   * this bench differs from the others in its shares, so that no gate stops anything.
   */
  public void send(int from, int through) {
    for (OfRollout rollout : rollouts) {
      database.run(
          transaction ->
              transaction.update(
                  """
                  insert into rollout_arm (rollout, stage, slot, device, newer, own, profile,
                    trials, hits, boot_epoch)
                  select r.id, 0, r.slots[1], fleet.device, d.device is not null,
                    d.device is not null, ?,
                    array[n, n, 10, 1000, n, n, m, m / 2, m / 2, n],
                    array[n * .01, n * .01, 0, 300, n * .5, n * .8, m * .9, m * .45, m * .45, 0], 1
                  from (
                    select 'device-' || i as device, (600 + i % 100)::double precision as n,
                      (60 + i % 10)::double precision as m
                    from generate_series(?, ?) as i) fleet
                  join rollout r on r.id = ?
                  left join deployment d on d.rollout = r.id and d.device = fleet.device
                  where d.device is null or d.state = 'COMMITTED'
                  on conflict do nothing
                  """,
                  profile, from, through, rollout.id()));
    }
    database.run(transaction -> transaction.update("analyze"));
  }

  /**
   * Milliseconds of ticks before each of which devices sent windows of every rollout, and of
   * storing those.
   */
  public record Ticks(List<Double> ticks, List<Double> stores) {
    public Ticks {
      ticks = List.copyOf(ticks);
      stores = List.copyOf(stores);
    }
  }

  /**
   * Ticks that read the evidence of every rollout anew, of a replica that takes them over.
   *
   * @param windows of each rollout that are stored before each tick
   */
  public Ticks ticks(int ticks, int windows) {
    now = now.plus(Lease.LENGTH).plusSeconds(1);
    InstantSource clock = () -> now;
    RolloutEngine engine =
        new RolloutEngine(
            database,
            plane.bean(SqlBooks.class),
            plane.bean(AuditLog.class),
            plane.bean(ControlLink.class),
            plane.bean(RolloutEndings.class),
            clock.withZone(ZoneOffset.UTC));
    List<Double> millis = new ArrayList<>();
    List<Double> stores = new ArrayList<>();
    for (int tick = -WARM_UP; tick < ticks; tick++) {
      long stored = System.nanoTime();
      windows(windows);
      long begun = System.nanoTime();
      engine.look(now);
      if (tick >= 0) {
        stores.add((begun - stored) / 1e6);
        millis.add((System.nanoTime() - begun) / 1e6);
      }
      now = now.plus(PERIOD);
    }
    return new Ticks(millis, stores);
  }

  // As ingest does, of devices by chance.
  private void windows(int ofEach) {
    List<RecordsStoring.Window> windows = new ArrayList<>();
    for (OfRollout rollout : rollouts) {
      ModelVersion before = new ModelVersion(new ModelName("before"), 1);
      for (int window = 0; window < ofEach; window++) {
        boolean newer = window % NEWER_ONE_IN == 0;
        String device =
            newer
                ? rollout.newer().get(random.nextInt(rollout.newer().size()))
                : "device-" + (1 + random.nextInt(devices));
        windows.add(window(device, rollout.slot(), newer ? rollout.version() : before));
      }
    }
    // Devices do not send one rollout after the other.
    Collections.shuffle(windows, random);
    for (int from = 0; from < windows.size(); from += WINDOWS_A_BATCH) {
      List<RecordsStoring.Window> batch =
          windows.subList(from, Math.min(windows.size(), from + WINDOWS_A_BATCH));
      database.run(
          transaction -> arms.onRecords(new RecordsStoring(transaction, batch, List.of())));
    }
  }

  private static RecordsStoring.Window window(String device, String slot, ModelVersion version) {
    return new RecordsStoring.Window(
        new DeviceId(device),
        1,
        new SlotId(slot),
        version,
        "",
        Instant.now(),
        PREDICTIONS,
        0,
        0,
        Map.of(
            "$latency",
            whole(latency()),
            MonitoringPlan.CONFIDENCE,
            whole(List.of(0L, (long) PREDICTIONS)),
            MonitoringPlan.CLASS,
            whole(List.of(PREDICTIONS / 2L, PREDICTIONS / 2L))));
  }

  private static RecordsStoring.Counts whole(List<Long> bins) {
    return new RecordsStoring.Counts(bins, 1);
  }

  private static List<Long> latency() {
    List<Long> counts = new ArrayList<>(Collections.nCopies(LATENCY_BINS, 0L));
    counts.set(FAST_BIN, PREDICTIONS - 1L);
    counts.set(SLOW_BIN, 1L);
    return counts;
  }
}
