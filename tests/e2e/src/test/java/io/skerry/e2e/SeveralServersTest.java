package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.ActRequest;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutPreview;
import io.skerry.api.RolloutRequest;
import io.skerry.api.client.SkerryException;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.control.audit.AuditLogs;
import io.skerry.control.sql.Database;
import io.skerry.e2e.net.MosquittoProcess;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.ScriptedDevice;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Two server processes run the same rollouts; one of them is killed or stands still. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SeveralServersTest {
  private static final int DEVICES = 20;
  private static final int FIRST_STAGE = 5;
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private final ScheduledExecutorService work = Executors.newScheduledThreadPool(8);
  private final List<ScriptedDevice> devices = new ArrayList<>();
  private @Nullable TwoServers both;
  private int rollouts;

  /** Where in a rollout a server is killed. */
  enum KillPoint {
    LEASE_HELD,
    ORDERS_COMMITTED_AND_NOT_PUBLISHED,
    REPORTS_COMING_IN,
    GATE_BEING_DECIDED,
    ROLLING_BACK,
    SUPERSEDING
  }

  @BeforeAll
  void start(@TempDir Path folder) throws Exception {
    Assumptions.assumeTrue(
        MosquittoProcess.program().isPresent(),
        "no mosquitto is installed: the tests against it are skipped (apt-get install mosquitto)");
    TwoServers started = TwoServers.start(folder);
    both = started;
    String token =
        started
            .talking()
            .client()
            .post(
                "/v1/enrolment-tokens",
                new EnrolmentTokenRequest(DEVICES, null, null),
                EnrolmentToken.class)
            .token();
    for (int i = 0; i < DEVICES; i++) {
      DeviceId device = new DeviceId("device-%02d".formatted(i));
      devices.add(
          ScriptedDevice.begin(
              device, folder.resolve(device.value()), token, started.brokerPort(), work));
    }
    Await.until(
        PATIENCE,
        "all devices online",
        () -> both().number("select count(*) from device_presence where online") == DEVICES,
        () -> "some are not");
    release(folder.resolve("first"), 1);
    release(folder.resolve("second"), 2);
  }

  private void release(Path folder, int version) throws Exception {
    OciLayout layout =
        new ArtifactWriter(
                ModelVersion.parse("scripted@" + version),
                new ProfileId("x86-64-avx2"),
                Engine.ONNXRUNTIME,
                Precision.FP32,
                1,
                new ModelSignature(
                    List.of(new TensorSpec("x", ElementType.FP32, List.of(-1L, 4L))),
                    List.of(new TensorSpec("y", ElementType.FP32, List.of(-1L)))))
            .add(LayerType.MODEL_ONNX, "model.onnx", new byte[300 + version])
            .write(folder, SigningKey.read(both().releaseKey()));
    both().take(layout);
    try (Connection connection = both().database().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(
          """
          insert into model_version (model, version, source, format, blob, created_at)
          values ('scripted', %d, 'import', 'onnx', 'x', now());
          insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
            manifest, signature)
          values ('scripted', %d, 'x86-64-avx2', 'onnxruntime', 'fp32', 1, 'none', true, '%s', '%s')
          """
              .formatted(version, version, layout.model(), layout.signature()));
    }
  }

  @AfterAll
  void end() {
    devices.forEach(ScriptedDevice::close);
    work.shutdownNow();
    if (both != null) {
      both.close();
    }
  }

  private TwoServers both() {
    if (both == null) {
      throw new IllegalStateException("not started");
    }
    return both;
  }

  @Test
  @Tag("slow")
  void aServerThatIsKilledBetweenCommitAndPublishingChangesNothingButTime() throws Exception {
    killed(KillPoint.ORDERS_COMMITTED_AND_NOT_PUBLISHED, new Random(1));
  }

  @Test
  @Tag("slow")
  void aServerThatIsKilledWhileARolloutGoesBackChangesNothingButTime() throws Exception {
    killed(KillPoint.ROLLING_BACK, new Random(1));
  }

  @Test
  @Tag("slow")
  void aServerThatIsKilledWhileARolloutGivesWayChangesNothingButTime() throws Exception {
    killed(KillPoint.SUPERSEDING, new Random(1));
  }

  @Test
  @Tag("bench")
  void aServerThatStandsStillAndWakesUpIsRefused() throws Exception {
    Started one = start();
    awaitDeployments(one, 1);
    both().stop();
    ended(one);
    both().standing().stands(false);
    Await.until(
        PATIENCE,
        "it sees that it was taken over",
        () -> both().logOfStanding().contains("another server talks to the broker"),
        () -> both().logOfStanding());
    assertUnharmed(one);

    Started next = start();
    ended(next);
    assertUnharmed(next);
    assertUnharmed(one);
  }

  @ParameterizedTest
  @EnumSource
  @Tag("bench")
  void aServerThatIsKilledAnywhereChangesNothingButTime(KillPoint point) throws Exception {
    killed(point, new Random(2));
  }

  @ParameterizedTest
  @ValueSource(longs = {3, 4, 5, 6, 7, 8, 9, 10})
  @Tag("bench")
  void aServerThatIsKilledAtADrawnPointChangesNothingButTime(long seed) throws Exception {
    Random random = new Random(seed);
    killed(KillPoint.values()[random.nextInt(KillPoint.values().length)], random);
  }

  /** A rollout, and who is to get it in which stage. */
  private record Started(RolloutId id, Map<String, String> stages) {}

  private void killed(KillPoint point, Random random) throws Exception {
    switch (point) {
      case LEASE_HELD -> {
        Started one = start();
        Await.until(
            PATIENCE,
            "the lease",
            () ->
                both()
                        .number(
                            "select count(*) from rollout where id = ? and lease_holder is not null",
                            one.id().value())
                    == 1,
            () -> "none");
        Thread.sleep(random.nextInt(2000));
        afterKill(one);
      }
      case ORDERS_COMMITTED_AND_NOT_PUBLISHED -> {
        both().holdUp();
        Started one = start();
        assertThat(both().number("select count(*) from desired_outbox")).isPositive();
        Thread.sleep(random.nextInt(1000));
        assertThat(devices).allMatch(device -> device.ordered(one.id()).isEmpty());
        afterKill(one);
      }
      case REPORTS_COMING_IN -> {
        Started one = start();
        awaitDeployments(one, 1 + random.nextInt(DEVICES - 2));
        afterKill(one);
      }
      case GATE_BEING_DECIDED -> {
        Started one = start();
        awaitDeployments(one, 1 + random.nextInt(DEVICES - 2));
        try (Connection connection = both().database().getConnection();
            Statement statement = connection.createStatement()) {
          connection.setAutoCommit(false);
          // A decision is an audit row, too: it stands still in the middle of its transaction.
          statement.execute("lock table audit_entry in share mode");
          Await.until(
              PATIENCE,
              "a decision under way",
              () -> both().number("select count(*) from pg_locks where not granted") > 0,
              () -> "none");
          both().talking().kill();
          connection.rollback();
        }
        afterKill(one);
      }
      case ROLLING_BACK -> goesBack(random);
      case SUPERSEDING -> givesWay(random);
    }
  }

  // Devices that had version 2 are on their way back to version 1 when the server dies.
  private void goesBack(Random random) throws Exception {
    String slot = "slot-" + ++rollouts;
    ended(start(slot, 1));
    Started two = start(slot, 2);
    awaitDeployments(two, 1 + random.nextInt(FIRST_STAGE));
    rollBack(two);
    Thread.sleep(random.nextInt(500));
    both().kill();
    ended(two, "ROLLED_BACK");
    assertRuns(slot, 1);
    assertCounted(two);
    assertThat(devices)
        .as("there and back, and nobody twice")
        .allMatch(device -> device.ordered(two.id()).size() <= 2);
    assertThat(
            both()
                .texts(
                    """
                    select device from deployment where rollout = ?
                      and state not in ('PENDING', 'CANCELLED', 'RESTORED')
                    """,
                    two.id().value()))
        .as("neither back nor untouched")
        .isEmpty();
    both().startAgain();
    assertThat(stands(two).state()).isEqualTo("ROLLED_BACK");
  }

  // Version 1 is to take the place of version 2, which is under way, when the server dies.
  private void givesWay(Random random) throws Exception {
    String slot = "slot-" + ++rollouts;
    ended(start(slot, 1));
    Started two = start(slot, 2);
    awaitDeployments(two, 1 + random.nextInt(FIRST_STAGE));
    Started newer = start(slot, 1);
    Thread.sleep(random.nextInt(500));
    both().kill();
    ended(newer);
    assertThat(stands(two).state()).isEqualTo("SUPERSEDED");
    assertRuns(slot, 1);
    assertCounted(two);
    assertCounted(newer);
    assertThat(devices)
        .as("nobody is ordered twice")
        .allMatch(device -> device.ordered(newer.id()).size() <= 1)
        .allMatch(device -> device.ordered(two.id()).size() <= 2);
    both().startAgain();
    assertThat(stands(two).state()).isEqualTo("SUPERSEDED");
    assertThat(stands(newer).state()).isEqualTo("SUCCEEDED");
  }

  // Once more where something was decided meanwhile.
  private void rollBack(Started one) throws Exception {
    Await.until(
        PATIENCE,
        "a rollback",
        () -> {
          try {
            both()
                .talking()
                .client()
                .postIfMatch(
                    "/v1/rollouts/%s/rollback".formatted(one.id()),
                    new ActRequest("tested"),
                    stands(one).revision(),
                    Rollout.class);
            return true;
          } catch (SkerryException e) {
            assertThat(e).hasMessageContaining("read it again");
            return false;
          }
        },
        () -> stands(one).toString());
  }

  private void assertRuns(String slot, int version) throws Exception {
    Await.until(
        PATIENCE,
        "every device on version " + version,
        () ->
            both()
                    .number(
                        """
                        select count(*) from device_slot_report
                        where slot = ? and running_version = ? and phase = 'COMMITTED'
                        """,
                        slot,
                        version)
                == DEVICES,
        () -> both().texts("select device || state from deployment").toString());
  }

  private void afterKill(Started one) throws Exception {
    both().kill();
    ended(one);
    assertUnharmed(one);
    both().startAgain();
    assertThat(stands(one).state()).isEqualTo("SUCCEEDED");
    assertUnharmed(one);
  }

  // A slot of its own: nothing ran in it before.
  private Started start() {
    return start("slot-" + ++rollouts, 1);
  }

  private Started start(String slot, int version) {
    RolloutRequest request = request(slot, version);
    RolloutPreview preview =
        both().standing().client().post("/v1/rollouts/preview", request, RolloutPreview.class);
    Map<String, String> stages = new TreeMap<>();
    preview
        .stages()
        .forEach(
            stage -> stage.devices().forEach(device -> stages.put(device, "" + stage.index())));
    Rollout made = both().talking().client().post("/v1/rollouts", request, Rollout.class);
    return new Started(new RolloutId(made.id()), stages);
  }

  private static RolloutRequest request(String slot, int version) {
    return new RolloutRequest(
        "scripted",
        version,
        slot,
        null,
        null,
        null,
        null,
        List.of(
            RolloutRequest.StageRequest.ofPercent(25), RolloutRequest.StageRequest.ofPercent(100)),
        null,
        null,
        1,
        1000,
        null,
        null,
        null,
        null,
        null,
        null,
        List.of(
            new RolloutRequest.GateRequest(
                "failed-predictions", .05, null, "NO_HARM_SHOWN", null, null)),
        null,
        null,
        null);
  }

  private void awaitDeployments(Started one, int moved) throws Exception {
    Await.until(
        PATIENCE,
        "%d devices that have reported".formatted(moved),
        () ->
            both()
                    .number(
                        """
                        select count(*) from deployment
                        where rollout = ? and state not in ('PENDING', 'OFFERED')
                        """,
                        one.id().value())
                >= moved,
        () -> stands(one).toString());
  }

  private Rollout stands(Started one) {
    return both().talking().client().get("/v1/rollouts/" + one.id(), Rollout.class);
  }

  private void ended(Started one) throws Exception {
    ended(one, "SUCCEEDED");
  }

  private void ended(Started one, String state) throws Exception {
    Await.until(PATIENCE, "its end", () -> stands(one).ended(), () -> stands(one).toString());
    assertThat(stands(one).state()).isEqualTo(state);
  }

  private void assertUnharmed(Started one) {
    String id = one.id().value();
    Map<String, String> touched = new TreeMap<>();
    both()
        .texts("select device || '=' || stage from deployment where rollout = ?", id)
        .forEach(row -> touched.put(row.split("=")[0], row.split("=")[1]));
    assertThat(touched).as("who got it in which stage").isEqualTo(one.stages());
    for (ScriptedDevice device : devices) {
      assertThat(device.ordered(one.id())).as("orders to %s", device.id()).hasSize(1);
    }
    assertCounted(one);
  }

  private void assertCounted(Started one) {
    String id = one.id().value();
    assertThat(
            both()
                .texts(
                    """
                    (select stage, profile, state, online, replacing, sum(devices) as devices
                      from deployment_count where rollout = ? group by 1, 2, 3, 4, 5
                      having sum(devices) <> 0
                    except
                    select stage, profile, state, online, replacing, count(*)
                      from deployment where rollout = ? group by 1, 2, 3, 4, 5)
                    """,
                    id,
                    id))
        .as("counts that no devices have")
        .isEmpty();
    assertThat(
            both()
                .number(
                    """
                    select (select count(*) from deployment where rollout = ?)
                      - (select sum(devices) from deployment_count where rollout = ?)
                    """,
                    id,
                    id))
        .isZero();
    assertThat(
            both().number("select count(*) from audit_entry where act = 'rollout.counts-mended'"))
        .isZero();
    assertThat(
            both()
                .number("select count(*) - max(sequence) from rollout_event where rollout = ?", id))
        .as("events without a gap")
        .isZero();
    assertThat(AuditLogs.in(new Database(both().database())).firstBroken()).isEmpty();
  }
}
