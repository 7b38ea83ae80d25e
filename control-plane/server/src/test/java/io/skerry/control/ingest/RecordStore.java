package io.skerry.control.ingest;

import io.skerry.control.sql.Database;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.Record;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** Stores records as ingest does, for tests of what reads them. */
public final class RecordStore {
  private final Database database;
  private final SealedSample seals;
  private final TenantKeys keys;
  private final WindowLayouts layouts;
  private final IngestConfig config;
  private final Retention retention;
  private final OutcomeJoins joins;

  private RecordStore(TestPlane plane, IngestConfig config) {
    this.retention = plane.bean(Retention.class);
    this.joins = plane.bean(OutcomeJoins.class);
    this.database = plane.database();
    this.seals = plane.bean(SealedSample.class);
    this.keys = plane.bean(TenantKeys.class);
    this.layouts = plane.bean(WindowLayouts.class);
    this.config = config;
  }

  /** On a plane. */
  public static RecordStore of(TestPlane plane) {
    return new RecordStore(plane, plane.bean(IngestConfig.class));
  }

  /** On a plane, where windows shorter than this are judged together. */
  public static RecordStore judgingBy(TestPlane plane, Duration judgedWindow) {
    IngestConfig usual = IngestConfig.DEFAULTS;
    return new RecordStore(
        plane,
        new IngestConfig(
            usual.batchMessages(),
            usual.batchEvery(),
            usual.lakeRows(),
            usual.lakeEvery(),
            usual.windowsWait(),
            judgedWindow,
            usual.retention()));
  }

  /** Stores one record. */
  public void store(DeviceId device, long bootEpoch, Record record) {
    store(device, bootEpoch, record, () -> {});
  }

  /** Stores one record, and does something before that is committed. */
  public void store(DeviceId device, long bootEpoch, Record record, Runnable before) {
    database.run(
        transaction -> {
          ErasureOrders.hold(transaction);
          RecordRows rows =
              new RecordRows(
                  Instant.now(),
                  seals,
                  keys,
                  layouts,
                  config,
                  new Tracks(transaction, config),
                  new ErasedRecords(ErasureOrders.ofDevices(transaction, List.of(device.value()))));
          try {
            rows.add(new TenantId("default"), device, bootEpoch, record);
          } catch (RecordReader.Malformed e) {
            throw new AssertionError(e);
          }
          rows.insert(transaction);
          before.run();
        });
  }

  /** Looks for the predictions of outcomes that name a client only. */
  public void nameOutcomes() {
    database.run(transaction -> joins.name(transaction, Instant.now()));
  }

  /** Does something while somebody has been storing windows for so long. */
  public void whileStoringSince(Duration ago, Runnable meanwhile) {
    database.run(
        transaction -> {
          transaction.list(
              "select pg_advisory_xact_lock_shared(?, ?)",
              row -> true,
              Receiving.LOCK,
              Math.toIntExact(Instant.now().minus(ago).toEpochMilli() % Receiving.MILLIS));
          meanwhile.run();
        });
  }

  /** Removes what is older than it is kept. */
  public void removeOld() {
    retention.removeOld();
  }
}
