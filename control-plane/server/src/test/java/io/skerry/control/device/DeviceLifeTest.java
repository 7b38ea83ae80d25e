package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.control.EnrolledDevice;
import io.skerry.control.TestControlPlane;
import io.skerry.control.TestDevice;
import io.skerry.control.access.Caller;
import io.skerry.control.ca.DeviceCertificates;
import io.skerry.control.sql.Database;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.TenantId;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class DeviceLifeTest {
  private static final Instant START = Instant.parse("2026-11-20T12:00:00Z");

  private final TestControlPlane plane = TestControlPlane.shared();
  private final Database database = plane.bean(Database.class);
  private final Presence presence = plane.bean(Presence.class);
  private final DeviceReports reports = plane.bean(DeviceReports.class);

  @Test
  void freesTheNameOfARemovedDeviceAndKeepsItsPastApart() {
    EnrolledDevice first = EnrolledDevice.enrol(plane, "life-1");
    born("life-1", 7, "a", 1);
    assertThat(reported("life-1", 7, 3, "a")).isTrue();
    order("life-1");
    order("life-1");
    String second = view("life-1").get("generation").getAsString();
    assertThat(second).endsWith(".2");
    String term = second.substring(0, second.indexOf('.') + 1);

    assertThat(plane.delete("/v1/devices/life-1").statusCode()).isEqualTo(204);

    assertThat(plane.get("/v1/devices/life-1").statusCode()).isEqualTo(404);
    assertThat(first.renew(EnrolledDevice.csr(first.key())).statusCode()).isEqualTo(401);
    JsonObject again = enrolled("life-1");
    assertThat(again.get("bootEpoch").getAsLong()).isEqualTo(7);
    assertThat(first.renew(EnrolledDevice.csr(first.key())).statusCode())
        .as("the old key does not come back with the name")
        .isEqualTo(401);
    assertThat(view("life-1").get("generation").getAsString())
        .as("above every order that the name ever had")
        .isEqualTo(term + "3");
    assertThat(order("life-1")).isEqualTo(term + "4");

    born("life-1", 7, "a", 2);
    assertThat(reported("life-1", 7, 4, "a")).as("late words of the removed one").isFalse();
    assertThat(view("life-1").get("online").getAsBoolean()).isFalse();
    born("life-1", 8, "b", 3);
    assertThat(reported("life-1", 8, 1, "b")).isTrue();
    assertThat(view("life-1").get("online").getAsBoolean()).isTrue();
    assertThat(view("life-1").get("cloned").isJsonNull()).isTrue();
    assertThat(plane.get("/v1/audit").body()).contains("device.removed", "device/life-1");
  }

  @Test
  void remembersTheBootEpochOverSeveralRemovals() {
    EnrolledDevice.enrol(plane, "life-2");
    born("life-2", 5, "a", 1);
    plane.delete("/v1/devices/life-2");
    enrolled("life-2");
    plane.delete("/v1/devices/life-2");

    assertThat(enrolled("life-2").get("bootEpoch").getAsLong()).isEqualTo(5);
  }

  @Test
  void refusesToRemoveWhatIsNotThere() {
    HttpResponse<String> answer = plane.delete("/v1/devices/nobody");

    assertThat(answer.statusCode()).isEqualTo(404);
    assertThat(answer.body()).contains("skerry get devices");
  }

  @Test
  void alarmsWhenOneKeyIsAtWorkOnTwoMachines() throws Exception {
    EnrolledDevice.enrol(plane, "twin-1");
    born("twin-1", 1, "a", 1);
    born("twin-1", 2, "b", 2);
    assertThat(view("twin-1").get("cloned").isJsonNull()).isTrue();

    born("twin-1", 1, "a", 3);

    JsonObject cloned = view("twin-1").getAsJsonObject("cloned");
    assertThat(cloned.getAsJsonArray("instances").toString()).isEqualTo("[\"b\",\"a\"]");
    assertThat(plane.get("/v1/audit").body()).contains("device.cloned", "device/twin-1");
    assertThat(alerts("twin-1")).isEqualTo(1);

    born("twin-1", 2, "b", 4);
    assertThat(alerts("twin-1")).as("once").isEqualTo(1);
    plane.post("/v1/devices/twin-1/revocation", "{\"reason\":\"copied\"}");
    assertThat(view("twin-1").get("cloned").isJsonNull()).isTrue();
  }

  @Test
  void alarmsWhenTwoProcessesClaimOneBootEpoch() {
    EnrolledDevice.enrol(plane, "twin-2");
    born("twin-2", 4, "a", 1);
    reported("twin-2", 4, 1, "b");

    assertThat(view("twin-2").getAsJsonObject("cloned").getAsJsonArray("instances")).hasSize(2);
  }

  /** A report a device and second is much to write; what is written at each must be little. */
  @Test
  void remembersTheLastWordOfAProcessWithItsReportAlone() {
    EnrolledDevice.enrol(plane, "twin-4");
    born("twin-4", 1, "a", 1);
    assertThat(reported("twin-4", 1, 1, "a")).isTrue();
    String written = instancesRow("twin-4");
    assertThat(reported("twin-4", 1, 2, "a", START.plusSeconds(65))).isTrue();
    assertThat(instancesRow("twin-4")).isEqualTo(written);

    born("twin-4", 2, "b", 70);
    assertThat(instancesRow("twin-4")).isNotEqualTo(written);
    born("twin-4", 1, "a", 63);
    assertThat(view("twin-4").get("cloned").isJsonNull())
        .as("it came late: the process said more after it")
        .isTrue();
    born("twin-4", 1, "a", 66);
    assertThat(view("twin-4").get("cloned").isJsonNull()).isFalse();
  }

  /** A clock may be wrong by any number of years, and a report that is not stored is lost. */
  @Test
  void takesReportsOfAnyClock() {
    EnrolledDevice.enrol(plane, "clock-1");
    born("clock-1", 1, "a", 1);

    assertThat(reported("clock-1", 1, 1, "a", Instant.ofEpochMilli(Long.MIN_VALUE))).isTrue();
    assertThat(reported("clock-1", 1, 2, "a", Instant.ofEpochMilli(Long.MAX_VALUE))).isTrue();
    assertThat(reported("clock-1", 1, 3, "a", Instant.ofEpochMilli(253_402_300_800_000L))).isTrue();
  }

  // Another one after each write.
  private String instancesRow(String device) {
    return database.call(
        transaction ->
            transaction
                .list(
                    "select xmin::text as version from device_instances where device = ?",
                    row -> row.text("version"),
                    device)
                .getFirst());
  }

  @Test
  void forgetsTheAlarmWithTheDevice() {
    EnrolledDevice.enrol(plane, "twin-3");
    born("twin-3", 4, "a", 1);
    born("twin-3", 4, "b", 2);
    plane.delete("/v1/devices/twin-3");
    enrolled("twin-3");

    assertThat(view("twin-3").get("cloned").isJsonNull()).isTrue();
  }

  @Test
  void keepsNothingOfARevocationThatFailed() {
    EnrolledDevice device = EnrolledDevice.enrol(plane, "life-3");
    Caller.Device caller = new Caller.Device(new TenantId("default"), new DeviceId("life-3"));
    DeviceCertificates certificates = plane.bean(DeviceCertificates.class);

    assertThatThrownBy(
            () ->
                database.run(
                    transaction -> {
                      certificates.revoke(transaction, caller, "test");
                      throw new IllegalStateException("failed afterwards");
                    }))
        .hasMessageContaining("failed afterwards");

    assertThat(certificates.identityOf(device.chain().getFirst())).contains(caller);
  }

  private void born(String device, long epoch, String instance, int second) {
    database.run(
        transaction ->
            presence.store(
                transaction,
                new DeviceId(device),
                new DeviceStatus(true, epoch, START.plusSeconds(second), instance)));
  }

  private boolean reported(String device, long epoch, long sequence, String instance) {
    return reported(device, epoch, sequence, instance, START.plusSeconds(60));
  }

  private boolean reported(String device, long epoch, long sequence, String instance, Instant at) {
    ReportedDocument document =
        new ReportedDocument(
            new TenantId("default"),
            new DeviceId(device),
            epoch,
            sequence,
            at,
            new Generation(0, 0),
            new Generation(0, 0),
            List.of(),
            new DeviceFacts("x86-64", List.of(), 1, 1, List.of(), List.of(), ""),
            "test",
            Map.of(),
            new DeviceHealth(instance, Map.of(), 0, 0, 0, Optional.empty(), 0));
    return database.call(transaction -> reports.store(transaction, document));
  }

  private String order(String device) {
    database.run(
        transaction ->
            plane
                .bean(DesiredService.class)
                .order(
                    transaction,
                    List.of(new DeviceId(device)),
                    new SlotId("main"),
                    new SlotOrder(
                        new ModelVersion(new ModelName("m"), 1),
                        new Digest("1".repeat(64)),
                        new Digest("2".repeat(64)),
                        Optional.empty(),
                        new SamplingRates(0.1, 1),
                        Duration.ofSeconds(5),
                        1,
                        Duration.ofSeconds(5))));
    return view(device).get("generation").getAsString();
  }

  private JsonObject enrolled(String device) {
    HttpResponse<String> answer =
        EnrolledDevice.post(
            plane,
            "/v1/enrolments",
            EnrolledDevice.body(
                    TestDevice.tokenSecret(plane),
                    device,
                    EnrolledDevice.csr(EnrolledDevice.newKey()),
                    "{}")
                .toString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
    return JsonParser.parseString(answer.body()).getAsJsonObject();
  }

  private JsonObject view(String device) {
    return JsonParser.parseString(plane.get("/v1/devices/" + device).body()).getAsJsonObject();
  }

  private long alerts(String device) throws InterruptedException {
    long found = 0;
    for (int i = 0; i < 100 && found == 0; i++) {
      found =
          database.call(
              transaction ->
                  transaction.number(
                      "select count(*) from alert where kind = 'device.cloned' and object = ?",
                      device));
      if (found == 0) {
        Thread.sleep(50);
      }
    }
    return found;
  }
}
