package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.trust.Snapshot;
import io.skerry.artifact.trust.Trust;
import io.skerry.control.EnrolledDevice;
import io.skerry.control.TestControlPlane;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.host.DataFolder;
import io.skerry.control.sql.Database;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ModelName;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class SnapshotsTest {
  private static final Actor ANA = new Actor("ana", "request-1");

  private final TestControlPlane plane = TestControlPlane.shared();
  private final SigningKeys keys = plane.bean(SigningKeys.class);
  private final Database database = plane.bean(Database.class);
  private Instant now = Instant.now();

  private Snapshots snapshots() {
    return new Snapshots(
        database,
        plane.bean(AuditLog.class),
        keys,
        plane.bean(DataFolder.class),
        TrustConfig.DEFAULTS,
        () -> now);
  }

  // As on another machine: with the same keys, and a folder of its own.
  private Snapshots elsewhere(DataFolder folder) {
    return new Snapshots(
        database, plane.bean(AuditLog.class), keys, folder, TrustConfig.DEFAULTS, () -> now);
  }

  private Snapshot opened(DsseEnvelope envelope) {
    return Snapshot.open(envelope, keys.trust().root().snapshot());
  }

  @Test
  void givesAnybodyWhatADeviceCanProve() {
    HttpResponse<String> root = EnrolledDevice.get(plane, "/v1/roots/1");
    HttpResponse<String> snapshot = EnrolledDevice.get(plane, "/v1/snapshot");

    Trust trust =
        Trust.pinned(envelope(root), keys.rootFingerprint())
            .withSnapshot(envelope(snapshot), Instant.now());

    assertThat(trust.isFresh(Instant.now())).isTrue();
    assertThat(EnrolledDevice.get(plane, "/v1/roots/2").statusCode()).isEqualTo(404);
    assertThat(EnrolledDevice.get(plane, "/v1/roots/0").statusCode()).isEqualTo(404);
  }

  private static DsseEnvelope envelope(HttpResponse<String> response) {
    assertThat(response.statusCode()).isEqualTo(200);
    return DsseEnvelope.parseJson(response.body().getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void signsAnewAfterAQuarterOfItsLife() {
    Snapshots snapshots = snapshots();
    Snapshot first = opened(snapshots.current());

    now = now.plus(Duration.ofHours(41));
    assertThat(opened(snapshots.current())).isEqualTo(first);
    now = now.plus(Duration.ofHours(2));
    Snapshot second = opened(snapshots.current());

    assertThat(second.version()).isGreaterThan(first.version());
    assertThat(second.expiresAt()).isEqualTo(second.issuedAt().plus(Duration.ofDays(7)));
  }

  @Test
  void neverSignsALowerVersionAfterTheDatabaseIsRestored() {
    Snapshots snapshots = snapshots();
    snapshots.raiseFloor(ANA, new ModelName("restored"), 5);
    Snapshot before = opened(snapshots.current());
    database.run(
        transaction -> {
          transaction.update("delete from trust_snapshot");
          transaction.update("delete from release_floor where model = 'restored'");
        });
    now = now.minus(Duration.ofDays(400));

    Snapshot after = opened(snapshots().current());

    assertThat(after.version()).isGreaterThan(before.version());
    assertThat(after.floors()).containsEntry(new ModelName("restored"), 5L);
  }

  @Test
  void givesWhatAnotherServerSignedSince(@TempDir Path folder) {
    try (DataFolder other = DataFolder.open(folder)) {
      Snapshots standsBy = elsewhere(other);
      Snapshot before = opened(standsBy.current());
      ModelName model = new ModelName("raised-elsewhere");
      Snapshots talks = snapshots();
      talks.raiseFloor(ANA, model, 4);

      Snapshot after = opened(standsBy.current());

      assertThat(after).isEqualTo(opened(talks.current()));
      assertThat(after.version()).isGreaterThan(before.version());
      assertThat(after.floors()).containsEntry(model, 4L);
    }
  }

  @Test
  void signsARaisedFloorItselfWhenTheOtherServersSnapshotHasAnotherKey(@TempDir Path folder) {
    try (DataFolder other = DataFolder.open(folder)) {
      Snapshots standsBy = elsewhere(other);
      ModelName model = new ModelName("raised-by-a-stranger");
      standsBy.current();
      snapshots().raiseFloor(ANA, model, 4);
      database.run(transaction -> transaction.update("update trust_snapshot set envelope = '{}'"));

      DsseEnvelope signed = standsBy.current();

      assertThat(opened(signed).floors()).containsEntry(model, 4L);
      database.run(
          transaction ->
              transaction.update(
                  "update trust_snapshot set version = version + 1, envelope = '{}'"));
      assertThat(standsBy.current()).as("not to and fro").isEqualTo(signed);
    }
  }

  @Test
  void letsFloorsOnlyRise() {
    Snapshots snapshots = snapshots();
    ModelName model = new ModelName("floored");
    snapshots.raiseFloor(ANA, model, 3);

    assertThatThrownBy(() -> snapshots.raiseFloor(ANA, model, 3))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("floors only rise");
    assertThat(opened(snapshots.current()).floors()).containsEntry(model, 3L);
  }

  @Test
  void refusesAFloorAboveEveryRelease() {
    HttpResponse<String> refused =
        plane.post("/v1/release-floors", "{\"model\":\"nothing-yet\",\"counter\":1}");

    assertThat(refused.statusCode()).isEqualTo(400);
    assertThat(refused.body()).contains("no release yet");
  }
}
