package io.skerry.control.ingest;

import io.skerry.control.sql.Database;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.Record;
import java.time.Instant;

/** Stores records as ingest does, for tests of what reads them. */
public final class RecordStore {
  private final Database database;
  private final SealedSample seals;
  private final TenantKeys keys;
  private final WindowLayouts layouts;

  private final Retention retention;

  private RecordStore(TestPlane plane) {
    this.retention = plane.bean(Retention.class);
    this.database = plane.database();
    this.seals = plane.bean(SealedSample.class);
    this.keys = plane.bean(TenantKeys.class);
    this.layouts = plane.bean(WindowLayouts.class);
  }

  /** On a plane. */
  public static RecordStore of(TestPlane plane) {
    return new RecordStore(plane);
  }

  /** Stores one record. */
  public void store(DeviceId device, long bootEpoch, Record record) {
    RecordRows rows = new RecordRows(Instant.now(), seals, keys, layouts);
    try {
      rows.add(new TenantId("default"), device, bootEpoch, record);
    } catch (RecordReader.Malformed e) {
      throw new AssertionError(e);
    }
    database.run(rows::insert);
  }

  /** Removes what is older than it is kept. */
  public void removeOld() {
    retention.removeOld();
  }
}
