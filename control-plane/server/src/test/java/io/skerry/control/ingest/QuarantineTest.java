package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.skerry.api.QuarantinedRecord;
import io.skerry.control.TestControlPlane;
import io.skerry.control.sql.Database;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What could not be taken stays visible, whoever sends how much of it. */
@Tag("slow")
class QuarantineTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  private final Database database = plane.bean(Database.class);
  private final Quarantine quarantine = plane.bean(Quarantine.class);

  @Test
  void keepsWhatOthersSentWhileOneDeviceFloods() {
    put("quarantine-quiet", 1);
    put("quarantine-loud", Quarantine.DEVICE_ROWS_MAX + 5);
    assertThat(kept("quarantine-loud")).hasSize(Quarantine.DEVICE_ROWS_MAX);
    afterManyMore();
    put("quarantine-loud", 1);

    assertThat(kept("quarantine-loud")).hasSize(Quarantine.DEVICE_ROWS_MAX);
    assertThat(kept("quarantine-loud").getFirst().reason()).isEqualTo("reason 0");
    assertThat(kept("quarantine-quiet"))
        .singleElement()
        .satisfies(one -> assertThat(one.reason()).isEqualTo("reason 0"));
  }

  @Test
  void forgetsTheOldestOfManyDevices() {
    database.run(
        transaction ->
            transaction.update(
                """
                insert into telemetry_quarantine (at, tenant, device, stream, reason, bytes)
                select now(), 'default', 'quarantine-many-' || n % 50, 'windows', 'of many', 0
                from generate_series(1, ?) n
                """,
                Quarantine.ROWS_MAX + 50));

    put("quarantine-last", Quarantine.TRIMMED_EVERY);

    assertThat(rows()).isLessThan(Quarantine.ROWS_MAX + Quarantine.TRIMMED_EVERY);
    assertThat(kept("quarantine-last")).hasSize(Quarantine.TRIMMED_EVERY);
    database.run(
        transaction ->
            transaction.update("delete from telemetry_quarantine where reason = 'of many'"));
  }

  private long rows() {
    return database.<Long>call(
        transaction -> transaction.number("select count(*) from telemetry_quarantine"));
  }

  // As if a device had sent for days.
  private void afterManyMore() {
    database.run(
        transaction ->
            transaction.number(
                """
                select setval(pg_get_serial_sequence('telemetry_quarantine', 'id'),
                  (select max(id) from telemetry_quarantine) + ?)
                """,
                5L * Quarantine.ROWS_MAX));
  }

  private List<QuarantinedRecord> kept(String device) {
    return database.call(
        transaction -> Quarantine.newest(transaction, Long.MAX_VALUE, device, Quarantine.ROWS_MAX));
  }

  private void put(String device, int count) {
    database.run(
        transaction -> {
          for (int i = 0; i < count; i++) {
            quarantine.put(
                transaction,
                new Topics.DeviceTopic(new TenantId("default"), new DeviceId(device), "windows"),
                1L,
                (long) i,
                "reason " + i,
                ByteString.EMPTY);
          }
        });
  }
}
