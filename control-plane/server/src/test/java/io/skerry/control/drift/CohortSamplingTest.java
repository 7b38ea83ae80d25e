package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.device.DesiredOutbox;
import io.skerry.control.device.DesiredService;
import io.skerry.control.device.SlotOrder;
import io.skerry.control.host.Addresses;
import io.skerry.control.host.ServerAddress;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.Stream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Two devices of site b, one of site a; all run what they were ordered. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CohortSamplingTest {
  private static final SlotId MAIN = new SlotId("main");
  private static final List<String> DEVICES = List.of("a-1", "b-1", "b-2");
  private static final SamplingRates ORDERED = new SamplingRates(.1, .5);
  private static final SamplingRates RAISED = new SamplingRates(.4, 1);

  private final TestPlane plane;
  private final CohortSampling sampling;
  private final DesiredService desired;
  private final DesiredOutbox outbox;

  CohortSamplingTest(@TempDir Path folder) throws Exception {
    plane = TestPlane.start(folder);
    URI anywhere = URI.create("https://127.0.0.1:1");
    plane.bean(Addresses.class).open(new ServerAddress(anywhere, anywhere, "127.0.0.1", 1));
    sampling = plane.bean(CohortSampling.class);
    desired = plane.bean(DesiredService.class);
    outbox = plane.bean(DesiredOutbox.class);
  }

  @AfterAll
  void close() throws Exception {
    plane.close();
  }

  @BeforeEach
  void orderAll() {
    sql(
        "truncate device, desired, desired_slot, desired_outbox, incident restart identity cascade");
    for (String device : DEVICES) {
      sql(
          """
          insert into device (id, tenant, labels, facts, enrolled_at)
          values (?, 'default', jsonb_build_object('site', ?::text), '{}', now())
          """,
          device,
          device.substring(0, 1));
    }
    order(1, DEVICES);
    report("COMMITTED", DEVICES);
    outbox.published(outbox.waiting(10));
  }

  @Test
  void raisesItInTheCohortOnceAndTakesItBackAtTheEnd() {
    long incident = open(new Cohort("site", "b"));
    sampling.settle();

    Map<String, DesiredSlot> sent = sent();
    assertThat(sent).containsOnlyKeys("b-1", "b-2");
    assertThat(sent.values())
        .allSatisfy(
            slot -> {
              assertThat(slot.sampling()).isEqualTo(RAISED);
              assertThat(slot.revision()).isEqualTo(2);
              assertThat(slot.manifest()).isEqualTo(manifest(1));
              assertThat(slot.rollout()).isEmpty();
            });
    sampling.settle();
    assertThat(sent()).isEmpty();
    report("COMMITTED", List.of("a-1", "b-1"));
    sampling.settle();
    assertThat(sent()).isEmpty();

    // One of the two was away and has seen neither.
    end(incident);
    sampling.settle();

    assertThat(sent()).hasSize(2).allSatisfy((device, slot) -> isOrdered(slot));
    report("COMMITTED", DEVICES);
    sampling.settle();
    assertThat(sent()).isEmpty();
  }

  @Test
  void followsADeviceIntoTheCohortAndOutOfIt() {
    open(new Cohort("site", "b"));
    sampling.settle();
    report("COMMITTED", DEVICES);
    assertThat(sent()).hasSize(2);

    sql("update device set labels = jsonb_build_object('site', 'b') where id = 'a-1'");
    sql("update device set labels = jsonb_build_object('site', 'a') where id = 'b-1'");
    sampling.settle();

    Map<String, DesiredSlot> sent = sent();
    assertThat(sent).containsOnlyKeys("a-1", "b-1");
    assertThat(sent)
        .hasEntrySatisfying("a-1", CohortSamplingTest::isRaised)
        .hasEntrySatisfying("b-1", CohortSamplingTest::isOrdered);
  }

  @Test
  void waitsForADeviceThatIsBusyAndKeepsTheRateThroughARollout() {
    order(2, List.of("b-1"));
    report("PROBATION", List.of("b-1"));
    outbox.published(outbox.waiting(10));
    long incident = open(new Cohort(List.of()));
    sampling.settle();

    // A newer order would take it out of its probation.
    assertThat(sent()).containsOnlyKeys("a-1", "b-2");
    report("COMMITTED", DEVICES);
    sampling.settle();
    assertThat(sent()).hasEntrySatisfying("b-1", CohortSamplingTest::isRaised);
    report("COMMITTED", DEVICES);

    order(3, List.of("b-1"));
    assertThat(sent()).hasEntrySatisfying("b-1", CohortSamplingTest::isRaised);
    end(incident);
    sampling.settle();
    assertThat(sent()).containsOnlyKeys("a-1", "b-2");
    report("COMMITTED", DEVICES);
    sampling.settle();
    assertThat(sent()).hasEntrySatisfying("b-1", CohortSamplingTest::isOrdered);
  }

  @Test
  void leavesWhatFailedAndWhatRunsAnotherModelAlone() {
    report("ROLLED_BACK", List.of("b-1"));
    sql("update desired_slot set model = 'other' where device = 'b-2'");
    open(new Cohort("site", "b"));

    sampling.settle();

    assertThat(sent()).isEmpty();
  }

  private static void isRaised(DesiredSlot slot) {
    assertThat(slot.sampling()).isEqualTo(RAISED);
  }

  private static void isOrdered(DesiredSlot slot) {
    assertThat(slot.sampling()).isEqualTo(ORDERED);
  }

  private void order(int version, List<String> devices) {
    plane
        .database()
        .run(
            transaction ->
                desired.order(
                    transaction,
                    devices.stream().map(DeviceId::new).toList(),
                    MAIN,
                    new SlotOrder(
                        ModelVersion.parse("engine-health@" + version),
                        manifest(version),
                        manifest(9),
                        Optional.empty(),
                        ORDERED,
                        Duration.ofMinutes(1),
                        20,
                        Duration.ofMinutes(1))));
  }

  private void report(String phase, List<String> devices) {
    sql(
        """
        insert into device_slot_report (device, slot, revision, phase, running_manifest,
          predictions, predictions_failed)
        select device, slot, revision, ?, manifest, 0, 0 from desired_slot where device = any(?)
        on conflict (device, slot) do update set revision = excluded.revision,
          phase = excluded.phase, running_manifest = excluded.running_manifest
        """,
        phase,
        devices);
  }

  private Map<String, DesiredSlot> sent() {
    List<DesiredOutbox.Waiting> waiting = outbox.waiting(10);
    Map<String, DesiredSlot> slots = new TreeMap<>();
    waiting.forEach(
        one -> slots.put(one.document().device().value(), one.document().slots().getFirst()));
    outbox.published(waiting);
    return slots;
  }

  private long open(Cohort cohort) {
    return TestIncidents.open(plane, cohort, Stream.Kind.LOCATION);
  }

  private void end(long incident) {
    sql("update incident set state = 'RESOLVED' where number = ?", incident);
  }

  private static Digest manifest(int version) {
    return Digest.of(("manifest " + version).getBytes(StandardCharsets.UTF_8));
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
