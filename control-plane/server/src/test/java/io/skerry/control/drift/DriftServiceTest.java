package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.AccuracyPoint;
import io.skerry.api.BudgetStep;
import io.skerry.api.CorrelationReport;
import io.skerry.api.CorrelationShift;
import io.skerry.api.Distribution;
import io.skerry.api.DriftDistance;
import io.skerry.api.DriftPoint;
import io.skerry.api.ErasureRequest;
import io.skerry.api.EventMark;
import io.skerry.api.Explanation;
import io.skerry.api.Incident;
import io.skerry.api.LabelShare;
import io.skerry.api.VerdictEvidence;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.audit.Actor;
import io.skerry.control.dataset.Erasures;
import io.skerry.control.ingest.IngestConfig;
import io.skerry.control.ingest.RecordStore;
import io.skerry.control.ingest.TelemetryEraser;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.TestPlane;
import io.skerry.fleet.incident.IncidentMachine;
import io.skerry.fleet.incident.IncidentState;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.TenantId;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.drift.Estimate;
import io.skerry.telemetry.drift.LabelShares;
import io.skerry.telemetry.drift.LateWindow;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.telemetry.drift.Outcome;
import io.skerry.telemetry.drift.Stream;
import io.skerry.telemetry.drift.WindowVerdict;
import io.skerry.telemetry.sketch.CoMoments;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import jakarta.inject.Singleton;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A fleet of 36 devices at three sites, counted by the devices' own code. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DriftServiceTest {
  private static final int DEVICES = 36;
  private static final int FEATURES = 6;
  private static final long WINDOW_MILLIS = 5000;
  private static final int SHIFTED_FROM = 12;
  private static final int WINDOWS = 20;
  private static final long MINUTE = 60_000;
  private static final long HOUR = 3_600_000;
  private static final long DAY = 86_400_000;
  private static final int[] ALL = {0, 1, 2, 3, 4, 5};

  private static volatile boolean refusing;
  private static volatile boolean killed;

  private final TestPlane plane;
  private final MonitoringManifest monitoring;
  private final Digest manifest;
  private final long first = Instant.now().toEpochMilli() / WINDOW_MILLIS - 200;
  private final Random random = new Random(7);
  private final Random plain = new Random(8);

  DriftServiceTest(@TempDir Path folder) throws Exception {
    plane = TestPlane.start(folder.resolve("data"));
    monitoring = monitoring();
    manifest = imported(1, monitoring, folder.resolve("layout"));
  }

  private Digest imported(int version, MonitoringManifest watched, Path layout) throws Exception {
    new ArtifactWriter(
            ModelVersion.parse("engine-health@" + version),
            new ProfileId("x86-64-avx2"),
            Engine.ONNXRUNTIME,
            Precision.FP32,
            version,
            new ModelSignature(
                List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 6L))),
                List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))))
        .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1})
        .add(LayerType.MONITORING, "monitoring.bin", watched.toByteArray())
        .write(layout, SigningKey.generate());
    return plane.bean(ArtifactStore.class).importLayout(layout).model();
  }

  /** Ends the storing of an incident as the death of the server would. */
  @Singleton
  static final class Killer {
    @EventListener
    void onOpened(IncidentOpened event) {
      if (refusing) {
        killed = true;
        throw new IllegalStateException("killed");
      }
    }
  }

  @BeforeEach
  void empty() {
    sql(
        """
        truncate device, device_attributes, telemetry_window, telemetry_feedback, telemetry_track, drift_track,
          drift_window, incident, alert, rollout restart identity cascade
        """);
  }

  @AfterAll
  void close() throws Exception {
    plane.close();
  }

  @Test
  void namesTheSiteAndTheSensorConfirmsTheHarmAndReplaysToTheSame() throws Exception {
    enrol();
    for (int window = 0; window < WINDOWS; window++) {
      store(window);
    }
    storeWhatNamesNoManifestOfThisModel();
    rollOut("bad-firmware-driver", "b");
    rollOut("elsewhere", "a");
    changeSystem("b");
    settle();
    AtomicLong nanoTime = new AtomicLong();
    DriftService service = service(nanoTime::get);
    Incidents incidents = plane.bean(Incidents.class);

    judgeAndDie(service);
    assertThat(count("select count(*) from incident")).isZero();
    assertThat(count("select count(*) from alert")).isZero();
    // A track that failed is not tried again at once, which would replay all of its windows.
    service.tick();
    assertThat(count("select count(*) from incident")).isZero();
    nanoTime.addAndGet(Duration.ofMinutes(1).toNanos());
    service.tick();

    assertThat(alerts())
        .startsWith("incident.opened incident-2 TICKET", "incident.harmful incident-2 PAGE");
    assertThat(incidents.newest())
        .singleElement()
        .satisfies(
            incident -> {
              assertThat(incident.cohort()).isEqualTo("site=b");
              assertThat(incident.feature()).isEqualTo("f2");
              assertThat(incident.openedWindow() - first)
                  .isBetween((long) SHIFTED_FROM, SHIFTED_FROM + 5L);
              assertThat(incident.state()).isEqualTo("HARM_CONFIRMED");
              Incident.Harm harm = Objects.requireNonNull(incident.harm());
              assertThat(harm.before()).isGreaterThan(harm.after() + .1);
            });
    assertThat(incidents.streams()).isNotEmpty().allMatch(stream -> stream.devices() >= 8);
    tellsHowFarEveryStreamIsFromWhatItLearned(incidents);

    List<AccuracyPoint> accuracy =
        plane
            .bean(AccuracyReports.class)
            .accuracy("engine-health", Duration.ofMillis(4 * WINDOW_MILLIS), Duration.ofHours(1));
    assertThat(accuracy).allMatch(point -> point.scored() > 0);
    // All were right, which does not say that all will be: 1.96^2 / (36 + 1.96^2).
    assertThat(accuracy.get(1).accuracy()).isEqualTo(1);
    assertThat(accuracy.get(1).low()).isCloseTo(1 - .0964, within(1e-3));
    AccuracyPoint last = accuracy.getLast();
    // The outcomes of before say that scores come true; what shifted since, no score can say.
    double realised = Objects.requireNonNull(last.accuracy());
    assertThat(realised).isLessThan(.9);
    assertThat(last.estimated()).isGreaterThan(realised + .05);
    weighsOutcomesByTheirChanceAndLeavesLabelsOut(incidents.newest().getFirst().id());
    checksThePromiseOnWindowsWithoutAnIncident();
    setsBytesAgainstTheSmallestShift();
    showsWhatMovesTogetherNoMore(incidents.newest().getFirst());
    comparesWhatAnEventReachedWithTheOthers(incidents.newest().getFirst().id());
    tellsOfTwoLabelsByTheOneThatReachedTheThreshold(incidents.newest().getFirst().id());
    saysTheSameOfWhatABuildBeforeCountedOtherwise(incidents.newest().getFirst().id());

    // Forget what was concluded, not what was stored: the same windows say the same again.
    String before = verdicts();
    sql("delete from drift_window where window_index >= ?", first + 8);
    sql("update drift_track set judged_through = ?", first + 7);
    sql("delete from incident");
    plane.bean(DriftService.class).judgeDue();
    assertThat(verdicts()).isEqualTo(before);
    tellsOfWhatWasFoundWithoutBeingTold(service, incidents);
    tellsNothingTwiceThatWasToldAndNotFoundAgain(service, incidents);
    String id = incidents.newest().getFirst().id();
    assertThat(incidents.resolve(new Actor("ana", ""), id, "recalibrated").state())
        .isEqualTo("RESOLVED");
    saysWhatIsGoneAndForgetsWhatIsOld(service, id);
  }

  private void tellsHowFarEveryStreamIsFromWhatItLearned(Incidents incidents) {
    DriftReports reports = plane.bean(DriftReports.class);
    List<DriftDistance> all = reports.distances("main", "engine-health", 0, Long.MAX_VALUE);
    assertThat(all)
        .allMatch(one -> one.window() == first + WINDOWS - 1 && one.effect().count() > 0)
        .extracting(DriftDistance::stream)
        .contains("f0", "f2", "$score", "$class", "$latency");
    assertThat(reports.furthest(1))
        .singleElement()
        .satisfies(
            one -> {
              assertThat(one.cohort()).isEqualTo("site=b");
              assertThat(one.effect().psiLow()).isPositive();
            });
    assertThat(incidents.streams())
        .filteredOn(one -> one.stream().equals("f2") && one.cohort().equals("site=b"))
        .isNotEmpty()
        .allMatch(one -> one.distance() != null && one.distance().psiLow() > 0);
    assertThat(reports.history("main", "engine-health", 0, "site=b", "f2", "LOCATION", WINDOWS))
        .isNotEmpty()
        .allMatch(one -> one.distance() != null && one.distance().baselineCount() > 0);
    assertThat(DriftReports.counted("$class:1", "SHARE")).isEqualTo("$class");
    for (String counted : List.of("$class", "$latency")) {
      Distribution distribution =
          reports
              .distribution("main", "engine-health", 0, "site=b", counted, Long.MAX_VALUE)
              .orElseThrow();
      assertThat(distribution.count()).as(counted).isPositive();
      assertThat(distribution.bins().stream().mapToLong(Distribution.Bin::count).sum())
          .as(counted)
          .isEqualTo(distribution.count());
    }
    // Those of an earlier window, and none of before the first.
    assertThat(reports.distances("main", "engine-health", 0, first + WINDOWS - 3))
        .allMatch(one -> one.window() == first + WINDOWS - 3)
        .isNotEmpty();
    assertThat(reports.distances("main", "engine-health", 0, first - 1)).isEmpty();
  }

  private void comparesWhatAnEventReachedWithTheOthers(String id) {
    Explanation explanation = plane.bean(DriftReports.class).explain(id).orElseThrow();

    assertThat(explanation.recomputed()).isEqualTo("SAME");
    assertThat(explanation.recomputedFrom()).isEqualTo("WINDOWS");
    assertThat(explanation.effect().jensenShannonLow()).isPositive();
    assertThat(explanation.effect().wassersteinLow()).isPositive();
    assertThat(explanation.effect().shiftSigmaLow()).isGreaterThan(1);
    assertThat(explanation.effect().count()).isPositive();
    VerdictEvidence evidence = Objects.requireNonNull(explanation.evidence());
    assertThat(evidence.values()).hasSize(evidence.units());
    assertThat(evidence.bins().stream().mapToLong(VerdictEvidence.Bin::count).sum())
        .isEqualTo(explanation.effect().count());
    assertThat(explanation.marks())
        .extracting(
            EventMark::kind,
            EventMark::name,
            EventMark::devices,
            mark -> Objects.requireNonNull(mark.check()).answer())
        .containsExactlyInAnyOrder(
            tuple("ROLLOUT", "bad-firmware-driver@1", DEVICES / 3 + 1, "SUPPORTED"),
            tuple("ROLLOUT", "elsewhere@1", 0, "REFUTED"),
            tuple("CHANGE", "system Yocto 5", DEVICES / 3 + 1, "SUPPORTED"));
    assertThat(explanation.marks())
        .filteredOn(mark -> mark.kind().equals("CHANGE"))
        .singleElement()
        .satisfies(
            mark -> {
              assertThat(mark.detail()).isEqualTo("before Yocto 4");
              assertThat(mark.window()).isEqualTo(first + SHIFTED_FROM);
              assertThat(Objects.requireNonNull(mark.check()).low()).isPositive();
            });
    assertThat(plane.bean(DriftReports.class).marks("main", "engine-health", 0, "site=a", WINDOWS))
        .extracting(EventMark::name)
        .contains("elsewhere@1")
        .noneMatch(name -> name.startsWith("system"));
  }

  private void tellsOfTwoLabelsByTheOneThatReachedTheThreshold(String id) {
    sql("create table kept as select number, finding from incident");
    sql(
        """
        update incident set finding = jsonb_set(finding, '{cohort,terms}',
          '[{"attribute": "firmware", "value": "2"}, {"attribute": "site", "value": "b"}]')
        """);

    Explanation explanation = plane.bean(DriftReports.class).explain(id).orElseThrow();

    assertThat(explanation.incident().cohort()).isEqualTo("firmware=2 & site=b");
    assertThat(explanation.firedIn()).isEqualTo("site=b");
    assertThat(Objects.requireNonNull(explanation.point()).logEvidence())
        .isEqualTo(explanation.incident().evidence());
    assertThat(explanation.history())
        .extracting(DriftPoint::window)
        .contains(explanation.incident().openedWindow() - 1);
    sql("update incident i set finding = k.finding from kept k where k.number = i.number");
    sql("drop table kept");
  }

  // As if it had been opened by a build that let each device count for all that it sent.
  private void saysTheSameOfWhatABuildBeforeCountedOtherwise(String id) {
    DriftReports reports = plane.bean(DriftReports.class);
    String counted = "jsonb_set(finding, '{size,observedCount}', '123456')";
    sql("create table told as select number, finding, evidence from incident");
    sql("update incident set finding = " + counted);
    assertThat(reports.explain(id).orElseThrow().recomputed()).isEqualTo("DIFFERENT");

    sql("update incident set evidence = null");

    Explanation explanation = reports.explain(id).orElseThrow();
    assertThat(explanation.recomputed()).isEqualTo("SAME");
    assertThat(explanation.recomputedFrom()).isEqualTo("WINDOWS");
    sql("update incident set finding = jsonb_set(finding, '{devices}', '1')");
    assertThat(reports.explain(id).orElseThrow().recomputed()).isEqualTo("DIFFERENT");
    sql(
        "update incident i set finding = t.finding, evidence = t.evidence from told t"
            + " where t.number = i.number");
    sql("update incident set evidence = jsonb_set(evidence, '{part}', '0')");
    Explanation older = reports.explain(id).orElseThrow();
    assertThat(older.recomputedFrom()).isEqualTo("VERDICT");
    assertThat(older.recomputedDetail())
        .contains("an earlier build judged them")
        .doesNotContain("; judged again");
    sql("update incident i set evidence = t.evidence from told t where t.number = i.number");
    sql("drop table told");
  }

  /** A start goes on from what is stored, and what came late is part of what is judged again. */
  @Test
  void goesOnFromAStoredStateAndHearsWhatComesLate() throws Exception {
    enrol();
    int stored = Snapshots.EVERY + 1;
    List<Window> late = new ArrayList<>();
    for (int window = 0; window < stored; window++) {
      for (int device = 0; device < DEVICES; device++) {
        Window told = plain(device, window, window >= 30);
        if (device == 4 && window > stored - 4) {
          late.add(told);
        } else {
          insert(id(device), "main", window, told);
        }
      }
    }
    settle();
    service(System::nanoTime).judgeDue();
    assertThat(count("select count(*) from drift_window")).isEqualTo(stored);
    assertThat(count("select count(*) from drift_window where late <> 0")).isZero();
    assertThat(count("select max(through) from drift_snapshot")).isEqualTo(first + stored - 2);
    assertThat(count("select count(*) from incident")).isEqualTo(1);
    long scored = count("select sum(c) from drift_score, unnest(counts) c");
    sql("update drift_window set received_until = received_until - interval '20 seconds'");

    // The next window, by a server that just started; three of a device's come with it.
    for (Window one : late) {
      insert(id(4), "main", one.getWindow(), one);
    }
    for (int device = 0; device < DEVICES; device++) {
      insert(id(device), "main", stored, plain(device, stored, true));
    }
    sql(
        "update telemetry_window set received_at = now() - interval '1 second' where received_at > now() - interval '30 seconds'");
    service(System::nanoTime).judgeDue();

    assertThat(count("select late from drift_window order by window_index desc limit 1"))
        .isEqualTo(3);
    assertThat(count("select sum(c) from drift_score, unnest(counts) c") - scored)
        .isEqualTo((DEVICES + 3) * 20L);
    String before = verdicts();
    Track track = new Track("main", "engine-health", WINDOW_MILLIS);
    Optional<WindowVerdict> whole = again(track, stored);
    assertThat(whole).isPresent();

    // From the state alone, when the windows that it was learned from are gone.
    sql(
        "create table gone as select * from telemetry_window where window_index < %d"
            .formatted(first + 40));
    sql("delete from telemetry_window where window_index < ?", first + 40);
    assertThat(again(track, stored)).isEqualTo(whole);
    judgeLastAgain(stored);
    assertThat(verdicts()).isEqualTo(before);

    // One that is damaged is left out: from the first window on it comes to the same, bit for bit.
    sql("insert into telemetry_window select * from gone");
    sql("update drift_snapshot_part set bytes = set_byte(bytes, 500, 77) where part = 0");
    assertThat(again(track, stored)).isEqualTo(whole);
    judgeLastAgain(stored);
    assertThat(verdicts()).isEqualTo(before);
    assertThat(count("select judged_through from drift_track")).isEqualTo(first + stored);
    sql("drop table gone");
  }

  private void judgeLastAgain(int last) {
    sql("delete from drift_window where window_index = ?", first + last);
    sql("update drift_track set judged_through = ?", first + last - 1);
    service(System::nanoTime).judgeDue();
  }

  private Optional<WindowVerdict> again(Track track, int window) {
    return judgedAgain(service(System::nanoTime), track, first + window);
  }

  /** A stored state holds devices' baselines: an erasure reaches it, and the next is without. */
  @Test
  void erasesADeviceFromStoredStates() throws Exception {
    enrol();
    for (int window = 0; window <= Snapshots.EVERY; window++) {
      for (int device = 0; device < DEVICES; device++) {
        insert(id(device), "main", window, plain(device, window, false));
      }
    }
    settle();
    DriftService service = service(System::nanoTime);
    service.judgeDue();
    assertThat(stored(7, "drift_snapshot_part")).isTrue();

    plane
        .bean(Erasures.class)
        .erase(new Actor("ana", ""), new ErasureRequest(id(7), null, "returned"));

    assertThat(count("select count(*) from drift_snapshot")).isZero();
    for (int device = 0; device < DEVICES; device++) {
      insert(id(device), "main", 100, plain(device, Snapshots.EVERY + 1, false));
    }
    sql("delete from device where id = ?", id(7));
    sql("delete from telemetry_window where device = ?", id(7));
    settle();
    service.judgeDue();
    assertThat(count("select count(*) from drift_snapshot")).isEqualTo(1);
    assertThat(stored(8, "drift_snapshot_part")).isTrue();
    assertThat(stored(7, "drift_snapshot_part")).isFalse();
  }

  @Test
  void saysWhichModelsHideWhoseTheirPredictionsAre(@TempDir Path folder) throws Exception {
    Erasures erasures = plane.bean(Erasures.class);
    ErasureRequest anna = new ErasureRequest(null, "anna", "asked for it");
    assertThat(erasures.erase(new Actor("ana", ""), anna).beyond()).isNull();
    Digest hiding =
        imported(
            7,
            monitoring.toBuilder()
                .addPrivacy(
                    PrivacyRule.newBuilder()
                        .setField("client-id")
                        .setAction(PrivacyRule.Action.HASH))
                .build(),
            folder.resolve("layout"));
    plane
        .database()
        .run(
            transaction -> {
              // Of the version nothing is needed but its variant.
              transaction.update("set local session_replication_role = replica");
              transaction.update(
                  """
                  insert into variant (model, version, profile, engine, precision, bytes, measured,
                    winner, manifest) values ('engine-health', 7, 'p', 'e', 'FP32', 1, '', true, ?)
                  """,
                  hiding.toString());
            });

    assertThat(erasures.erase(new Actor("ana", ""), anna).beyond())
        .contains("engine-health@7", "erase by device instead");
    assertThat(
            erasures.newest().stream()
                .filter(one -> one.subject() != null && one.beyond() != null)
                .toList())
        .hasSize(1);
    sql("delete from variant");
  }

  @Test
  void erasesADeviceFromWhatEventsReached() {
    enrol();
    TestIncidents.open(plane, new Cohort("site", "b"), Stream.Kind.ERROR);
    sql(
        "insert into incident_event values (1, 0, '{\"event\": {\"touched\": [\"%s\", \"%s\"]}}')"
            .formatted(id(7), id(8)));

    plane
        .bean(Erasures.class)
        .erase(new Actor("ana", ""), new ErasureRequest(id(7), null, "returned"));

    assertThat(
            count(
                "select count(*) from incident_event where event::text like ?", "%" + id(7) + "%"))
        .isZero();
    assertThat(
            count(
                "select count(*) from incident_event where event::text like ?", "%" + id(8) + "%"))
        .isEqualTo(1);
  }

  private boolean stored(int device, String table) {
    return count(
            "select count(*) from %s where position(convert_to(?, 'UTF8') in bytes) > 0"
                .formatted(table),
            id(device))
        > 0;
  }

  private Window plain(int device, int window, boolean shifted) throws Exception {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(monitoring));
    for (int tick = 0; tick < 20; tick++) {
      float[] row = new float[FEATURES];
      for (int f = 0; f < FEATURES; f++) {
        row[f] = (float) (.3 * Math.sin(device) + plain.nextGaussian());
      }
      row[2] += shifted && site(device).equals("b") ? 2.5f : 0;
      sketch.observe(row, tick % 4 == 0 ? .8f : .2f, tick % 4 == 0 ? 1 : 0, 300);
    }
    long index = first + window;
    return sketch.seal(
        ModelRef.newBuilder().setManifestDigest(manifest.toString()).build(),
        index,
        index * WINDOW_MILLIS,
        (index + 1) * WINDOW_MILLIS);
  }

  private void rollOut(String model, String site) {
    sql(
        """
        insert into rollout (id, model, version, slots, profiles, definition, state, phase, stage,
          revision, start_millis, step_millis, progress_millis, holdback_above, created_by,
          created_at, outsiders)
        values (?, ?, 1, '{main}', '{}', '{}', '{}', 'FINISHED', 0, 1, 1, 1, 1, '', 'ana', ?, 0)
        """,
        "r-" + model,
        model,
        Instant.ofEpochMilli((first + SHIFTED_FROM) * WINDOW_MILLIS));
    sql(
        """
        insert into deployment (rollout, device, stage, rank, profile, state, online, ordered_at)
        select ?, id, 0, '', profile, 'COMMITTED', true, ? from device
        where labels ->> 'site' = ?
        """,
        "r-" + model,
        Instant.ofEpochMilli((first + SHIFTED_FROM) * WINDOW_MILLIS + 1),
        site);
  }

  private void changeSystem(String site) {
    sql(
        """
        insert into device_report (device, boot_epoch, sequence, observed_term, observed_counter,
          agent_version, dropped)
        select id, 1, 1, 1, 1, '1.0', 0 from device where labels ->> 'site' = ?
        """,
        site);
    // What was not told before is no change.
    for (String system : List.of("Yocto 4", "Yocto 5", "Yocto 5")) {
      sql("update device_report set system = ?, agent_version = '1.0'", system);
    }
    sql(
        "update device_change set at = ?",
        Instant.ofEpochMilli((first + SHIFTED_FROM) * WINDOW_MILLIS));
  }

  private void showsWhatMovesTogetherNoMore(Incident incident) throws Exception {
    DriftReports reports = plane.bean(DriftReports.class);
    assertThat(reports.explain(incident.id()).orElseThrow().correlations().pairs()).isEmpty();
    long onset = incident.onsetWindow() * WINDOW_MILLIS;
    long midnight = onset / DAY * DAY;
    for (int device = 1; device < DEVICES; device += 3) {
      moments(id(device), midnight, DAY, .8, ALL);
      moments(id(device), midnight + DAY, DAY, .8, ALL);
      moments(id(device), midnight + 2 * DAY, DAY, .1, ALL);
    }
    // One that sums up what nobody asked for, and one that says how much of a day it summed up.
    moments(id(1), midnight - DAY, DAY, .8, new int[] {3, 4});
    moments(id(4), midnight - DAY, 5 * 3_600_000, .8, ALL);
    // Of whom nobody knows since when, and who was away when the day of the onset ended.
    moments(id(7), midnight - DAY, 0, .8, ALL);
    moments(id(10), midnight + 3 * DAY, 3 * DAY, .8, ALL);

    CorrelationReport told = reports.explain(incident.id()).orElseThrow().correlations();

    assertThat(told.pairs()).hasSize(10);
    CorrelationShift pair = told.pairs().getFirst();
    assertThat(pair.feature()).isEqualTo("f0");
    assertThat(pair.other()).isEqualTo("f1");
    assertThat(pair.before()).isCloseTo(.8, within(.05));
    assertThat(pair.since()).isCloseTo(.1, within(.1));
    assertThat(pair.high()).isLessThan(-.4);
    assertThat(pair.devices()).isEqualTo(DEVICES / 3);
    assertThat(told.devices()).isEqualTo(DEVICES / 3);
    assertThat(told.devicesRead()).isEqualTo(DEVICES / 3);
    assertThat(told.devicesKnown()).isEqualTo(DEVICES / 3);
    assertThat(told.daysBefore()).isCloseTo((12 + 5 / 24.0 + 1) / 12, within(1e-6));
    assertThat(told.daysSince()).isCloseTo(1, within(1e-6));
    assertThat(told.partial()).isCloseTo(2.0 / 26, within(1e-6));
    sql("delete from telemetry_window where boot_epoch = 9");
  }

  /** Either side of the onset is read of the same devices, however many rows there are. */
  @Test
  void readsBothSidesOfALargeCohortAndSaysOfHowMany() throws Exception {
    int devices = 450;
    long midnight = first * WINDOW_MILLIS / DAY * DAY;
    sql(
        """
        insert into device (id, tenant, labels, facts, enrolled_at)
        select 'many-' || i, 'default', '{"site": "b"}', '{}', now() from generate_series(1, ?) i
        """,
        devices);
    // Several, or rounding would say which of the pairs changed most surely.
    int unlike = 9;
    for (int device = 1; device <= unlike; device++) {
      moments("many-" + device, midnight, DAY, .8, ALL);
      moments("many-" + device, midnight + 2 * DAY, DAY, .1, ALL);
    }
    // Each device's, and before the onset as many without sums as fill more than 20,000 rows.
    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, window_millis, start_at, end_at, predictions, predictions_failed, skipped,
          record, received_at)
        select 'many-' || i, 9, sequence, slot, model, version, manifest, window_index,
          window_millis, start_at, end_at, predictions, predictions_failed, skipped, record,
          received_at
        from telemetry_window, generate_series(?, ?) i
        where boot_epoch = 9 and device = 'many-' || 1 + i % ?
        """,
        unlike + 1, devices, unlike);
    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, window_millis, start_at, end_at, predictions, predictions_failed, skipped,
          record, received_at)
        select 'many-' || i, 10, 100 * day + n, slot, model, version, manifest,
          window_index - day * ? + n, window_millis, start_at - day * interval '1 day',
          end_at - day * interval '1 day', predictions, predictions_failed, skipped, '', received_at
        from telemetry_window, generate_series(1, ?) i, generate_series(0, 7) day,
          generate_series(0, 5) n
        where device = 'many-1' and boot_epoch = 9 and end_at <= ?
        """,
        DAY / WINDOW_MILLIS,
        devices,
        Instant.ofEpochMilli(midnight));
    assertThat(count("select count(*) from telemetry_window")).isGreaterThan(20_000);

    CorrelationReport told = correlations(midnight / WINDOW_MILLIS + 10);

    assertThat(told.devicesKnown()).isEqualTo(devices);
    assertThat(told.devicesRead()).isEqualTo(Correlations.DEVICES_MAX);
    assertThat(told.devices()).isEqualTo(Correlations.DEVICES_MAX);
    assertThat(told.pairs().getFirst().devices()).isEqualTo(Correlations.DEVICES_MAX);
    assertThat(told.pairs().getFirst().change()).isLessThan(-.4);
    assertThat(correlations(midnight / WINDOW_MILLIS + 10)).isEqualTo(told);
  }

  /** Sums travel with the last minute of the quarter that a day ends in. */
  @Test
  void readsSumsOfMinutesThatAreJudgedByTheQuarter() {
    enrol();
    Duration quarter = Duration.ofMinutes(15);
    RecordStore records = RecordStore.judgingBy(plane, quarter);
    long today = Instant.now().toEpochMilli() / DAY * DAY;
    for (int device = 1; device < DEVICES; device += 3) {
      long sequence = 1;
      for (long midnight : List.of(today - 2 * DAY, today)) {
        for (int minute = 14; minute >= 0; minute--) {
          records.store(
              new DeviceId(id(device)),
              9,
              minute(sequence++, midnight - minute * MINUTE, midnight < today ? .8 : .1));
        }
      }
    }
    Track track = new Track("main", "engine-health", quarter.toMillis());

    CorrelationReport told = correlations(track, (today - DAY) / quarter.toMillis());

    assertThat(told.devices()).isEqualTo(DEVICES / 3);
    assertThat(told.pairs().getFirst().change()).isLessThan(-.4);
  }

  private Record minute(long sequence, long endMillis, double correlation) {
    Window.Builder window =
        Window.newBuilder()
            .setModel(
                ModelRef.newBuilder()
                    .setSlot("main")
                    .setModel("engine-health")
                    .setVersion(1)
                    .setManifestDigest(manifest.toString()))
            .setWindow(endMillis / MINUTE - 1)
            .setStartMillis(endMillis - MINUTE)
            .setEndMillis(endMillis)
            .setPredictions(1);
    if (endMillis % DAY == 0) {
      window.setCoMoments(
          moments(ALL, correlation).toWire().toBuilder().setSinceMillis(endMillis - DAY));
    }
    return Record.newBuilder().setSequence(sequence).setWindow(window).build();
  }

  private CorrelationReport correlations(long onsetWindow) {
    return correlations(new Track("main", "engine-health", WINDOW_MILLIS), onsetWindow);
  }

  private CorrelationReport correlations(Track track, long onsetWindow) {
    return plane
        .database()
        .call(
            transaction ->
                new Correlations(plane.bean(Monitoring.class), plane.bean(WindowLayouts.class))
                    .of(transaction, stored(1, track, finding(onsetWindow))));
  }

  private static DriftFinding finding(long onsetWindow) {
    return new DriftFinding(
        Cohort.parse("site=b"),
        "f0",
        new Stream("f0", Stream.Kind.LOCATION),
        onsetWindow,
        onsetWindow,
        onsetWindow,
        new Estimate(1, 1, 1),
        EffectSize.NONE,
        450,
        0,
        1,
        1,
        30,
        20,
        Cohort.parse("site=b"),
        new Stream("f0", Stream.Kind.LOCATION),
        null);
  }

  private static IncidentStore.Stored stored(long number, DriftFinding finding) {
    return stored(number, new Track("main", "engine-health", WINDOW_MILLIS), finding);
  }

  private static IncidentStore.Stored stored(long number, Track track, DriftFinding finding) {
    return new IncidentStore.Stored(
        number,
        track,
        1,
        new io.skerry.fleet.incident.Incident(IncidentState.OPEN, finding, 0, Optional.empty(), ""),
        Instant.now(),
        null,
        Optional.empty(),
        -1,
        true);
  }

  private CoMoments moments(int[] features, double correlation) {
    CoMoments moments = new CoMoments(features);
    for (int i = 0; i < 200; i++) {
      float[] row = row(0);
      row[features[1]] =
          (float)
              (correlation * row[features[0]]
                  + Math.sqrt(1 - correlation * correlation) * row[features[1]]);
      moments.add(row);
    }
    return moments;
  }

  private void moments(
      String device, long endMillis, long ofMillis, double correlation, int[] features) {
    CoMoments moments = moments(features, correlation);
    Window window =
        Window.newBuilder()
            .setModel(ModelRef.newBuilder().setManifestDigest(manifest.toString()))
            .setWindow(endMillis / WINDOW_MILLIS - 1)
            .setStartMillis(endMillis - WINDOW_MILLIS)
            .setEndMillis(endMillis)
            .setPredictions(1)
            .setCoMoments(
                moments.toWire().toBuilder()
                    .setSinceMillis(ofMillis > 0 ? endMillis - ofMillis : 0))
            .build();
    long sequence = endMillis / WINDOW_MILLIS * 10 + features[0];
    insert(device, "main", sequence, window);
    sql("update telemetry_window set boot_epoch = 9 where sequence = ?", sequence);
  }

  private void setsBytesAgainstTheSmallestShift() {
    List<BudgetStep> steps = plane.bean(BudgetReports.class).of("engine-health");

    assertThat(steps).hasSize(11).allMatch(step -> step.slot().equals("main"));
    assertThat(steps).extracting(BudgetStep::chosen).startsWith(true).containsOnlyOnce(true);
    assertThat(steps)
        .extracting(step -> Objects.requireNonNull(step.bytesPerDay()))
        .isSortedAccordingTo(Comparator.reverseOrder())
        .doesNotHaveDuplicates();
    assertThat(steps.getFirst().features()).isEqualTo(FEATURES);
    BudgetStep.Shift shift = steps.getFirst().shifts().getFirst();
    assertThat(shift.devices()).isEqualTo(DEVICES / 2);
    assertThat(shift.peers()).isEqualTo(DEVICES / 2);
    assertThat(steps.getLast().shifts().getFirst().sigma()).isNull();
    assertThat(steps.getFirst().lines()).hasSize(steps.getFirst().shifts().size());
  }

  /** Of a fleet that has been short of bytes for long, no window is whole. */
  @Test
  void tellsWhereAFleetStandsThatLeavesThingsOutAlready() throws Exception {
    Degradation sixFolded = Degradation.ORDER.get(4);
    long last = first / 6 * 6 + 5;
    for (int device = 0; device < 15; device++) {
      insert(id(device), "short", 1, told(last, sixFolded));
    }
    judged("short", last);

    List<BudgetStep> steps = plane.bean(BudgetReports.class).of("engine-health");

    assertThat(steps).filteredOn(BudgetStep::chosen).extracting(BudgetStep::step).containsOnly(4);
    assertThat(steps.subList(0, 4)).extracting(BudgetStep::bytesPerDay).containsOnlyNulls();
    assertThat(steps.subList(4, steps.size()))
        .extracting(step -> Objects.requireNonNull(step.bytesPerDay()))
        .isSortedAccordingTo(Comparator.reverseOrder())
        .doesNotHaveDuplicates();
    // One record of six windows is not taken for a sixth of what it is.
    long packed =
        sixFolded.packedBytes(
            plane
                .bean(WindowLayouts.class)
                .counts(ModelVersion.parse("engine-health@1"), stored(id(0))));
    assertThat(Objects.requireNonNull(steps.get(4).bytesPerDay()) * 6.0 * WINDOW_MILLIS / DAY)
        .isBetween(packed + 160.0, packed + 600.0);
  }

  /** What some devices add up is added up of all: else it would look as if values had moved. */
  @Test
  void comparesDistributionsInTheBinsThatAllTell() throws Exception {
    long last = first / 6 * 6 + 5;
    for (int device = 0; device < 15; device++) {
      sql(
          "insert into device (id, tenant, labels, facts, enrolled_at) values (?, 'default', '{}', '{}', now())",
          id(device));
      insert(id(device), "mixed", 1, told(last - 9, Degradation.NONE));
      insert(id(device), "mixed", 2, told(last, Degradation.ORDER.get(4)));
    }
    judged("mixed", last);

    DriftReports reports = plane.bean(DriftReports.class);
    Distribution found =
        reports
            .distribution("mixed", "engine-health", 0, "fleet", "f0", Long.MAX_VALUE)
            .orElseThrow();

    assertThat(found.baselineCount()).isEqualTo(15 * 60);
    assertThat(found.count()).isEqualTo(15 * 60);
    int ordinary = MonitoringPlan.of(monitoring).layout().ordinary(0);
    assertThat(found.bins()).hasSize(ordinary / 2 + 7);
    assertThat(found.bins().getFirst().name()).startsWith("(-inf, ");
    assertThat(found.bins().get(ordinary / 2 - 1).name()).endsWith(", +inf]");
    assertThat(found.bins().get(ordinary / 2).name()).isEqualTo("missing");
    assertThat(found.effect().psi()).isLessThan(.05);
    // Any window that is kept, of any stream: before the last one only what came first is there.
    assertThat(reports.distribution("mixed", "engine-health", 0, "fleet", "f0", last))
        .contains(found);
    Distribution earlier =
        reports.distribution("mixed", "engine-health", 0, "fleet", "f0", last - 8).orElseThrow();
    assertThat(earlier.until()).isEqualTo(last - 7);
    assertThat(earlier.from()).isEqualTo(last - 11);
    assertThat(earlier.baselineFrom()).isEqualTo(last - 27);
    assertThat(earlier.count()).isEqualTo(15 * 60);
    assertThat(earlier.baselineCount()).isZero();
    assertThat(reports.distribution("mixed", "engine-health", 0, "fleet", "f0", last - 40))
        .isEmpty();
    assertThat(
            reports.distribution(
                "mixed", "engine-health", 0, "fleet", MonitoredStreams.SCORE, Long.MAX_VALUE))
        .isPresent();
  }

  private void judged(String slot, long window) {
    sql(
        """
        insert into drift_track (slot, model, window_millis, judged_through)
        values (?, 'engine-health', ?, ?)
        """,
        slot,
        WINDOW_MILLIS,
        window);
    sql(
        """
        insert into drift_window (slot, model, window_millis, window_index, received_until, records,
          learning, judged, verdicts)
        values (?, 'engine-health', ?, ?, now(), 15, 0, 15, '[]')
        """,
        slot,
        WINDOW_MILLIS,
        window);
  }

  private Window told(long index, Degradation degradation) throws Exception {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(monitoring));
    for (int tick = 0; tick < 60; tick++) {
      sketch.observe(row(0), .8f, 1, 300);
    }
    return sketch
        .seal(
            ModelRef.newBuilder().setManifestDigest(manifest.toString()).build(),
            index,
            (index - degradation.windows() + 1) * WINDOW_MILLIS,
            (index + 1) * WINDOW_MILLIS,
            degradation)
        .build();
  }

  private Window stored(String device) throws Exception {
    byte[] record =
        plane
            .database()
            .call(
                transaction ->
                    transaction
                        .first(
                            "select record from telemetry_window where device = ?",
                            row -> row.bytes("record"),
                            device)
                        .orElseThrow());
    return Window.parseFrom(record);
  }

  private void checksThePromiseOnWindowsWithoutAnIncident() {
    NullReplays replays = plane.bean(NullReplays.class);
    assertThat(replays.promises())
        .singleElement()
        .satisfies(promise -> assertThat(promise.replayedAt()).isNull());

    replays.replayDue();

    assertThat(replays.promises())
        .singleElement()
        .satisfies(
            promise -> {
              assertThat(promise.windowsPerFalseIncident()).isEqualTo(1000);
              assertThat(promise.basis()).isEqualTo("EMPIRICAL");
              // Twice dealt, of the windows before the onset those after the learning period.
              assertThat(promise.replayedWindows()).isBetween(4L, 2L * SHIFTED_FROM);
              assertThat(promise.falseIncidents()).isZero();
              assertThat(promise.kept()).isTrue();
            });
    assertThat(replays.replay("main", "engine-health")).hasSize(1);
    assertThatThrownBy(() -> replays.replay("main", "unknown")).hasMessageContaining("unknown");
  }

  // As if a build before had judged the window, and had not seen it.
  private void tellsOfWhatWasFoundWithoutBeingTold(DriftService service, Incidents incidents) {
    long opened = incidents.newest().getFirst().openedWindow();
    sql("delete from incident");
    sql("delete from drift_window where window_index > ?", opened);
    sql("update drift_track set judged_through = ?", opened);

    service.judgeDue();

    assertThat(incidents.newest())
        .singleElement()
        .satisfies(
            incident -> {
              assertThat(incident.cohort()).isEqualTo("site=b");
              assertThat(incident.openedWindow()).isGreaterThan(opened);
            });
  }

  // As if a build before had found it a window earlier.
  private void tellsNothingTwiceThatWasToldAndNotFoundAgain(
      DriftService service, Incidents incidents) {
    Incident told = incidents.newest().getFirst();
    sql("delete from drift_window where window_index >= ?", told.openedWindow());
    sql("update drift_track set judged_through = ?", told.openedWindow() - 1);
    sql("update incident set opened_window = opened_window - 1, confirmations = 0");
    sql("delete from alert");

    service.judgeDue();

    assertThat(incidents.newest())
        .singleElement()
        .satisfies(incident -> assertThat(incident.id()).isEqualTo(told.id()));
    assertThat(alerts()).noneMatch(alert -> alert.startsWith("incident.opened"));
  }

  @Test
  void waitsForDevicesThatWereAwayAsLongAsItIsTold() throws Exception {
    enrol();
    store(0);
    settle();

    service(System::nanoTime, Duration.ofHours(1)).judgeDue();
    assertThat(count("select count(*) from drift_window")).isZero();

    service(System::nanoTime).judgeDue();
    assertThat(count("select count(*) from drift_window")).isEqualTo(1);
  }

  /** Who judges next goes on where the last one was, though its clock was ahead. */
  @Test
  void neverJudgesFromLessThanTheWindowBefore() throws Exception {
    enrol();
    storeStill(0);
    settle();
    service(System::nanoTime).judgeDue();
    sql("update drift_window set received_until = received_until + interval '1 hour'");
    storeStill(1);
    settle();

    service(System::nanoTime).judgeDue();

    assertThat(count("select count(*) from drift_window")).isEqualTo(2);
    assertThat(count("select count(distinct received_until) from drift_window")).isEqualTo(1);
  }

  @Test
  void letsGoOfALedgerThatNothingComesForAndGoesOnFromWhatIsStored() throws Exception {
    AtomicLong nanos = new AtomicLong();
    DriftService service = service(nanos::get);
    enrol();
    storeStill(0);
    settle();
    service.tick();
    assertThat(service.ledgersHeld()).isEqualTo(1);

    nanos.addAndGet(Duration.ofMinutes(59).toNanos());
    service.tick();
    assertThat(service.ledgersHeld()).isEqualTo(1);
    nanos.addAndGet(Duration.ofMinutes(2).toNanos());
    service.tick();

    assertThat(service.ledgersHeld()).isZero();
    storeStill(1);
    settle();
    service.tick();
    assertThat(count("select count(*) from drift_window")).isEqualTo(2);
    sql("delete from telemetry_window");
    service.forgetOld();
    assertThat(count("select count(*) from telemetry_track")).isZero();
  }

  private void storeStill(int window) throws Exception {
    long index = first + window;
    for (int device = 0; device < DEVICES; device++) {
      WindowSketch sketch = new WindowSketch(MonitoringPlan.of(monitoring));
      for (int tick = 0; tick < 20; tick++) {
        sketch.observe(new float[FEATURES], .8f, 1, 300);
      }
      insert(
          id(device),
          "main",
          index,
          sketch.seal(
              ModelRef.newBuilder().setManifestDigest(manifest.toString()).build(),
              index,
              index * WINDOW_MILLIS,
              (index + 1) * WINDOW_MILLIS));
    }
  }

  /** However much one device sends late, and whatever its name, others are heard too. */
  @Test
  void sharesTheRoomForLateWindowsAmongDevices() throws Exception {
    storeLate(12, 3, 2);
    WindowReader.LateRoom room = new WindowReader.LateRoom(2, 100, 9, 100);

    WindowReader.Late one = late("line", first, room);
    WindowReader.Late next = late("line", first + 1, room);

    assertThat(one.windows()).hasSize(9);
    assertThat(one.windows()).extracting(LateWindow::window).containsOnly(first - 1, first - 2);
    assertThat(one.records()).isEqualTo(9 * 2);
    assertThat(heard(one)).hasSize(5);
    assertThat(heard(late("line", first, room))).isEqualTo(heard(one));
    assertThat(heard(next)).isNotEqualTo(heard(one));
  }

  @Test
  void readsALateWindowWithAllOfItsRecordsOrNotAtAll() throws Exception {
    storeLate(4, 2, 15);

    WindowReader.Late ofDevice = late("line", first, new WindowReader.LateRoom(8, 29, 1000, 1000));
    WindowReader.Late ofAll =
        late("line", first, new WindowReader.LateRoom(8, 30, 1000, 5 * 15 + 14));

    assertThat(ofDevice.windows())
        .hasSize(4)
        .allMatch(one -> one.window() == first - 1 && count(one) == 15 * 7);
    assertThat(ofAll.windows()).hasSize(5).allMatch(one -> count(one) == 15 * 7);
    assertThat(late("line", first, new WindowReader.LateRoom(8, 14, 1000, 1000)).windows())
        .isEmpty();
  }

  /** Windows that came in minutes take no more room than such that came in one piece. */
  @Test
  void hearsAsManyLateWindowsOfMinutes() throws Exception {
    storeLate(100, 8, 15);

    WindowReader.Late late = late("line", first);

    assertThat(late.windows()).hasSize(100 * 8).allMatch(one -> count(one) == 15 * 7);
    assertThat(late.records()).isEqualTo(100 * 8 * 15);
  }

  private static long count(LateWindow late) {
    return late.counts().counts().total(0);
  }

  private void storeLate(int devices, int windows, int records) throws Exception {
    sql(
        """
        insert into device (id, tenant, labels, facts, enrolled_at)
        select 'late-' || i, 'default', '{}', '{}', now() from generate_series(1, ?) i
        """,
        devices);
    insert("late-1", "line", 1, full(first - 1, 7));
    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, window_millis, start_at, end_at, predictions, predictions_failed, skipped,
          record, received_at)
        select 'late-' || i, 1 + w, n, slot, model, version, manifest, window_index + 1 - w,
          window_millis, start_at, end_at, predictions, predictions_failed, skipped, record,
          received_at
        from telemetry_window, generate_series(1, ?) i, generate_series(1, ?) w,
          generate_series(1, ?) n
        """,
        devices,
        windows,
        records);
    sql("delete from telemetry_window where boot_epoch = 1");
  }

  private static Set<String> heard(WindowReader.Late late) {
    return late.windows().stream()
        .map(one -> one.counts().device().value())
        .collect(Collectors.toSet());
  }

  private WindowReader.Late late(String slot, long window) {
    return late(slot, window, WindowReader.LateRoom.USUAL);
  }

  private WindowReader.Late late(String slot, long window, WindowReader.LateRoom room) {
    return plane
        .database()
        .call(
            transaction ->
                new WindowReader(
                        plane.bean(WindowLayouts.class), plane.bean(Monitoring.class), room)
                    .late(
                        transaction,
                        new Track(slot, "engine-health", WINDOW_MILLIS),
                        window,
                        Instant.now().minus(Duration.ofHours(1)),
                        Instant.now().plusSeconds(60)));
  }

  /** Few come late: what one of them may say, those tell that came in time. */
  @Test
  void countsALateDeviceForNoMoreThanOneInTime() throws Exception {
    judged("line", first);
    MonitoringPlan plan = MonitoringPlan.of(monitoring);
    List<DeviceWindow> inTime = new ArrayList<>();
    for (int device = 0; device < 3; device++) {
      inTime.add(scored(plan, id(device), 20));
    }
    Track track = new Track("line", "engine-health", WINDOW_MILLIS);

    plane
        .database()
        .run(
            transaction ->
                StoredScores.keepLate(
                    transaction,
                    track,
                    inTime,
                    List.of(
                        new LateWindow(first, scored(plan, id(3), 100_000)),
                        new LateWindow(first, scored(plan, id(4), 20)))));

    assertThat(count("select sum(c) from drift_score, unnest(counts) c")).isEqualTo(4 * 20 + 20);
  }

  private static DeviceWindow scored(MonitoringPlan plan, String device, int scores) {
    int[] counts = new int[plan.layout().bins()];
    counts[plan.layout().start(plan.layout().indexOf(MonitoringPlan.SCORE)) + 40] = scores;
    return new DeviceWindow(
        new DeviceId(device),
        Map.of(),
        ModelVersion.parse("engine-health@1"),
        WindowCounts.of(plan.layout(), counts));
  }

  /** What comes while a window is judged is late for the next one, and counted there. */
  @Test
  void countsTheScoresOfAnIncidentUntilItsWindowWasRead() throws Exception {
    enrol();
    for (int window = 0; window < 3; window++) {
      storeStill(window);
    }
    settle();
    sql(
        "update telemetry_window set received_at = now() where device = ? and window_index = ?",
        id(1),
        first);
    Instant receivedUntil = Instant.now().minusSeconds(20);
    DriftFinding finding = finding(first + 1);
    Track track = new Track("main", "engine-health", WINDOW_MILLIS);

    plane
        .database()
        .run(
            transaction ->
                new CohortScores(
                        new WindowReader(
                            plane.bean(WindowLayouts.class), plane.bean(Monitoring.class)))
                    .counted(
                        transaction,
                        stored(
                            IncidentStore.insert(
                                transaction,
                                track,
                                1,
                                IncidentMachine.opened(finding),
                                Instant.now()),
                            finding),
                        new CohortScores.Came(first + 2, List.of(), List.of(), receivedUntil),
                        .5));

    assertThat(count("select sum(n) from incident_score, unnest(counts) n where since"))
        .isEqualTo(DEVICES / 3 * 20L);
    assertThat(count("select sum(n) from incident_score, unnest(counts) n where not since"))
        .isEqualTo((DEVICES / 3 - 1) * 20L);
  }

  /** A night is set against the night before, and whole days against whole days. */
  @Test
  void countsTheScoresOfTheSameHoursBefore() throws Exception {
    enrol();
    for (int window = 0; window < 3; window++) {
      storeStill(window);
    }
    settle();
    sql("update telemetry_window set window_millis = ?", HOUR);
    DriftFinding finding = finding(first + 24);
    Track track = new Track("main", "engine-health", HOUR);
    long number =
        plane
            .database()
            .<Long>call(
                transaction ->
                    IncidentStore.insert(
                        transaction, track, 1, IncidentMachine.opened(finding), Instant.now()));
    MonitoringPlan plan = MonitoringPlan.of(monitoring);
    DeviceWindow one = scored(plan, id(1), 5);
    DeviceWindow scores =
        new DeviceWindow(one.device(), Map.of("site", "b"), one.version(), one.counts());

    scoreWindow(number, first + 25, scores);
    assertThat(sideOf("not since")).isEqualTo(2L * DEVICES / 3 * 20);
    for (long window = first + 26; window < first + 24 + 47; window++) {
      scoreWindow(number, window, scores);
    }

    assertThat(sideOf("not since")).isEqualTo(3L * DEVICES / 3 * 20);
    assertThat(sideOf("since")).isEqualTo(23 * 5);
    scoreWindow(number, first + 24 + 47, scores);
    assertThat(sideOf("since")).isEqualTo(47 * 5);
    assertThat(count("select count(*) from incident_score_today")).isZero();
  }

  /**
   * A version that came after these hours of the day before is compared with its newest windows.
   */
  @Test
  void countsTheScoresRightBeforeOfAVersionThatIsYoungerThanADay() throws Exception {
    enrol();
    for (int window = 0; window < 3; window++) {
      storeStill(window);
    }
    settle();
    sql("update telemetry_window set window_millis = ?", HOUR);
    DriftFinding finding = finding(first + 2);
    Track track = new Track("main", "engine-health", HOUR);
    long number =
        plane
            .database()
            .<Long>call(
                transaction ->
                    IncidentStore.insert(
                        transaction, track, 1, IncidentMachine.opened(finding), Instant.now()));
    DeviceWindow one = scored(MonitoringPlan.of(monitoring), id(1), 5);
    DeviceWindow scores =
        new DeviceWindow(one.device(), Map.of("site", "b"), one.version(), one.counts());

    scoreWindow(number, first + 3, scores);

    long before = 2L * DEVICES / 3 * 20;
    long since = DEVICES / 3 * 20L;
    assertThat(sideOf("not since")).isEqualTo(before);
    assertThat(sideOf("since")).isEqualTo(since + 5);
    for (long window = first + 24; window < first + 28; window++) {
      scoreWindow(number, window, scores);
    }
    assertThat(sideOf("not since")).isEqualTo(before);
    assertThat(sideOf("since")).isEqualTo(since + 5 * 5);
  }

  private void scoreWindow(long number, long window, DeviceWindow scores) {
    plane
        .database()
        .run(
            transaction ->
                new CohortScores(
                        new WindowReader(
                            plane.bean(WindowLayouts.class), plane.bean(Monitoring.class)))
                    .counted(
                        transaction,
                        IncidentStore.find(transaction, number).orElseThrow(),
                        new CohortScores.Came(
                            window, List.of(scores), List.of(), Instant.now().plusSeconds(60)),
                        .5));
  }

  private long sideOf(String side) {
    return count("select coalesce(sum(n), 0) from incident_score, unnest(counts) n where " + side);
  }

  @Test
  void readsTheOutcomesOfTheSameHoursBefore() throws Exception {
    enrol();
    long onset = Duration.ofDays(20_000).toHours() + 2;
    long number =
        plane
            .database()
            .<Long>call(
                transaction ->
                    IncidentStore.insert(
                        transaction,
                        new Track("main", "engine-health", HOUR),
                        1,
                        IncidentMachine.opened(finding(onset)),
                        Instant.now()));
    sql(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject, actual,
          source, slot, model, version, score, predicted_at, outcome_at, received_at, joined)
        select ?, 1, n, 'p' || n, '', 1, 'device', 'main', 'engine-health', 1, .9, hour, hour, hour,
          true
        from (select n, to_timestamp((? - n) * 3600 + 60) as hour from generate_series(-72, 240) n) o
        """,
        id(1),
        onset);
    Season season = Season.of(new Track("main", "engine-health", HOUR), onset);
    long fourHoursOn = (onset + 4) * HOUR;
    long laterOn = (onset + 60) * HOUR;

    assertThat(outcomes(number, season.outcomesBefore(fourHoursOn))).isEqualTo(7 * 4);
    assertThat(outcomes(number, season.outcomesSince(fourHoursOn))).isEqualTo(4);
    assertThat(outcomes(number, season.outcomesBefore(laterOn))).isEqualTo(7 * 24);
    assertThat(outcomes(number, season.outcomesSince(laterOn))).isEqualTo(2 * 24);
    // It was in the cohort when these were predicted, and went to be repaired.
    sql("update device set labels = '{\"site\": \"repair\"}'");
    assertThat(outcomes(number, season.outcomesSince(laterOn))).isEqualTo(2 * 24);
    sql("delete from telemetry_feedback where sequence < -30");
    assertThat(knownUntil(number, (onset + 47) * HOUR)).hasValue((onset + 30) * HOUR + 60_001);
    assertThat(knownUntil(number, (onset + 4) * HOUR)).hasValue((onset + 3) * HOUR + 60_001);
    assertThat(season.outcomesSince(knownUntil(number, (onset + 47) * HOUR).orElseThrow()))
        .isEqualTo(Season.Span.whole(onset * HOUR, (onset + 24) * HOUR));
    sql("update telemetry_feedback set source = 'label'");
    assertThat(knownUntil(number, (onset + 47) * HOUR)).isEmpty();
  }

  private OptionalLong knownUntil(long number, long nowMillis) {
    return plane
        .database()
        .call(
            transaction ->
                IncidentStore.outcomesKnownUntil(
                    transaction,
                    IncidentStore.find(transaction, number).orElseThrow(),
                    Instant.ofEpochMilli(nowMillis)));
  }

  private int outcomes(long number, Season.Span span) {
    return plane
        .database()
        .call(
            transaction ->
                IncidentStore.outcomes(
                    transaction, IncidentStore.find(transaction, number).orElseThrow(), span))
        .all()
        .size();
  }

  private DriftService service(LongSupplier nanoTime) {
    return service(nanoTime, Duration.ZERO);
  }

  private DriftService service(LongSupplier nanoTime, Duration windowsWait) {
    IngestConfig usual = IngestConfig.DEFAULTS;
    return new DriftService(
        plane.database(),
        plane.bean(Monitoring.class),
        plane.bean(Incidents.class),
        plane.bean(WindowLayouts.class),
        new IngestConfig(
            usual.batchMessages(),
            usual.batchEvery(),
            usual.lakeRows(),
            usual.lakeEvery(),
            windowsWait,
            Duration.ZERO,
            usual.retention()),
        plane.publisher(IncidentOpened.class),
        plane.publisher(HarmConfirmed.class),
        plane.publisher(IncidentResolved.class),
        nanoTime);
  }

  private static void judgeAndDie(DriftService service) {
    killed = false;
    refusing = true;
    try {
      service.judgeDue();
    } finally {
      refusing = false;
    }
    assertThat(killed).isTrue();
  }

  private void weighsOutcomesByTheirChanceAndLeavesLabelsOut(String id) {
    sql("update telemetry_feedback set inclusion_probability = .25 where device = ?", id(1));
    sql("update telemetry_feedback set source = 'label' where device = ?", id(4));

    List<Outcome> outcomes =
        plane
            .database()
            .call(
                transaction ->
                    IncidentStore.outcomes(
                        transaction,
                        Incidents.stored(transaction, id).orElseThrow(),
                        Season.Span.whole(0, Instant.now().toEpochMilli())))
            .all();

    assertThat(outcomes)
        .hasSize((DEVICES / 3 - 1) * WINDOWS * 20)
        .noneMatch(one -> one.device().value().equals(id(4)))
        .filteredOn(one -> one.weight() == 4)
        .hasSize(WINDOWS * 20);
    int devices = DEVICES / 3 - 1;
    IncidentStore.Sampled<Outcome> some =
        plane
            .database()
            .call(
                transaction ->
                    IncidentStore.outcomes(
                        transaction,
                        Incidents.stored(transaction, id).orElseThrow(),
                        Season.Span.whole(0, Instant.now().toEpochMilli()),
                        4 * devices));
    List<Outcome> sample = some.all();
    assertThat(some.known()).isEqualTo(outcomes.size());
    assertThat(IncidentStore.Sampled.share(some, some))
        .isCloseTo(4.0 * devices / outcomes.size(), within(1e-9));
    assertThat(sample)
        .hasSize(4 * devices)
        .extracting(one -> one.device().value())
        .containsOnly(
            outcomes.stream().map(one -> one.device().value()).distinct().toArray(String[]::new));
    // What was read stands for what was not.
    assertThat(sample.stream().mapToDouble(Outcome::weight).sum())
        .isCloseTo(outcomes.stream().mapToDouble(Outcome::weight).sum(), within(1e-6));
    sql("update telemetry_feedback set inclusion_probability = null, source = 'device'");
  }

  private void saysWhatIsGoneAndForgetsWhatIsOld(DriftService service, String id) {
    Track track = new Track("main", "engine-health", WINDOW_MILLIS);
    long window = first + WINDOWS - 1;
    Optional<WindowVerdict> asJudged = judgedAgain(service, track, window);
    assertThat(asJudged).isPresent();

    sql("delete from device where id = ?", id(1));
    sql("update device set labels = '{\"site\": \"elsewhere\"}', profile = 'another'");
    assertThat(judgedAgain(service, track, window)).isEqualTo(asJudged);
    saysThatTooMuchWouldHaveToBeJudged(id);

    sql("delete from telemetry_window where device = ? and window_index = ?", id(0), first);

    assertThat(judgedAgain(service, track, window)).isEmpty();
    // What is stored with the verdict says it without any window.
    Explanation explanation = plane.bean(DriftReports.class).explain(id).orElseThrow();
    assertThat(explanation.recomputed()).isEqualTo("SAME");
    assertThat(explanation.recomputedFrom()).isEqualTo("VERDICT");
    sql("update incident set evidence = jsonb_set(evidence, '{tolerance}', '0.7')");
    assertThat(plane.bean(DriftReports.class).explain(id).orElseThrow().recomputed())
        .isEqualTo("DIFFERENT");
    sql("update incident set evidence = null");
    Explanation gone = plane.bean(DriftReports.class).explain(id).orElseThrow();
    assertThat(gone.recomputed()).isEqualTo("GONE");
    assertThat(gone.recomputedFrom()).isEqualTo("NOTHING");
    sql(
        "update drift_window set received_until = now() - interval '91 days' where window_index = ?",
        first);
    service.forgetOld();
    assertThat(count("select count(*) from drift_window")).isEqualTo(WINDOWS - 1);
    assertThat(count("select max(forgotten_through) from drift_track")).isEqualTo(first);
    assertThat(count("select count(distinct window_index) from drift_score"))
        .isEqualTo(WINDOWS - 1);
  }

  private void saysThatTooMuchWouldHaveToBeJudged(String id) {
    sql("update drift_window set records = records + 50001 where window_index = ?", first);

    Explanation explanation = plane.bean(DriftReports.class).explain(id).orElseThrow();

    assertThat(explanation.recomputedFrom()).isEqualTo("VERDICT");
    assertThat(explanation.recomputedDetail())
        .contains("since the newest stored state before it devices told 50,")
        .endsWith("at most 50,000 are read");
    sql("update drift_window set records = records - 50001 where window_index = ?", first);
  }

  private Optional<WindowVerdict> judgedAgain(DriftService service, Track track, long window) {
    return plane
        .database()
        .call(transaction -> service.judgeAgain(transaction, track, window))
        .done()
        .map(Replays.Again.Done::verdict);
  }

  @Test
  void opensAndPagesWhenPredictionsTurnOutWrongThoughNoInputMoved() throws Exception {
    Track track = new Track("flip", "engine-health", WINDOW_MILLIS);
    sql("insert into telemetry_track values ('flip', 'engine-health', ?)", WINDOW_MILLIS);
    for (int device = 0; device < DEVICES; device++) {
      sql(
          """
          insert into device (id, tenant, labels, facts, enrolled_at)
          values (?, 'default', jsonb_build_object('line', ?::text), '{}', now())
          """,
          "flip-" + device,
          site(device));
    }
    for (int window = 0; window < WINDOWS; window++) {
      long index = first - 100 + window;
      for (int device = 0; device < DEVICES; device++) {
        WindowSketch sketch = new WindowSketch(MonitoringPlan.of(monitoring));
        for (int tick = 0; tick < 20; tick++) {
          sketch.observe(row(0), tick % 4 == 0 ? .8f : .2f, tick % 4 == 0 ? 1 : 0, 300);
        }
        Window sealed =
            sketch.seal(
                ModelRef.newBuilder().setManifestDigest(manifest.toString()).build(),
                index,
                index * WINDOW_MILLIS,
                (index + 1) * WINDOW_MILLIS);
        insert("flip-" + device, "flip", index, sealed);
        boolean flips = site(device).equals("b") && window >= SHIFTED_FROM;
        // Four turn out the other way than predicted, as often one way as the other.
        sql(
            """
            insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject,
              slot, model, version, actual, joined, score, predicted_at, outcome_at, received_at,
              joined_at)
            select ?, 1, ?::bigint * 20 + i, 'f-' || (?::bigint * 20 + i), '', 'flip', 'engine-health', 1,
              case when (i % 4 = 0) <> (?::boolean and i in (0, 1, 2, 4)) then 1 else 0 end, true,
              case when i % 4 = 0 then .8 else .2 end, now(), now(), now(), ?
            from generate_series(0, 19) as i
            """,
            "flip-" + device,
            index,
            index,
            flips,
            Instant.ofEpochMilli(index * WINDOW_MILLIS + 1 + window % 3));
      }
    }
    alsoInASlotWhereOneOutcomeWasChosenByAnImpossibleChance();
    settle();
    DriftService service = plane.bean(DriftService.class);

    judgeAndDie(service);
    assertThat(count("select judged_through from drift_track where slot = 'side'"))
        .isEqualTo(first - 100 + WINDOWS - 1);
    service.judgeDue();

    List<String> opened =
        plane
            .database()
            .call(
                transaction ->
                    transaction.list(
                        """
                        select cohort || ' ' || i.feature || ' ' || a.severity as told
                        from incident i join alert a using (cohort)
                        where slot = 'flip' and a.kind = 'incident.opened'
                        """,
                        row -> row.text("told")));
    assertThat(opened).containsExactly("line=b $error PAGE");
    assertThat(judgedAgain(service, track, first - 100 + WINDOWS - 1)).isPresent();
    countsOutcomesAndOnlyTheNewestOfAPrediction();

    // Committed after its window was judged.
    sql(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject,
          slot, model, version, actual, joined, score, predicted_at, outcome_at, received_at,
          joined_at)
        select device, 4, sequence, 'late', subject, slot, model, version, 0, joined, score,
          predicted_at, outcome_at, received_at, joined_at
        from telemetry_feedback where slot = 'flip' and device = 'flip-0' limit 1
        """);
    assertThat(judgedAgain(service, track, first - 100 + WINDOWS - 1)).isPresent();

    sql("delete from telemetry_feedback where slot = 'flip' and device = 'flip-0' and actual = 1");
    assertThat(judgedAgain(service, track, first - 100 + WINDOWS - 1)).isEmpty();
  }

  /** Outcomes end with the onset: what follows is known from scores alone. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void pagesWhenScoresAloneLetExpectThatAccuracyFell(boolean classes, @TempDir Path folder)
      throws Exception {
    MonitoringManifest watched = classes ? sorter() : monitoring;
    Digest digest = classes ? imported(2, watched, folder.resolve("sorter")) : manifest;
    sql("insert into telemetry_track values ('sure', 'engine-health', ?)", WINDOW_MILLIS);
    for (int device = 0; device < DEVICES; device++) {
      sql(
          """
          insert into device (id, tenant, labels, facts, enrolled_at)
          values (?, 'default', jsonb_build_object('hall', ?::text), '{}', now())
          """,
          "sure-" + device,
          site(device));
      for (int window = 0; window < WINDOWS; window++) {
        storeScored("sure-" + device, site(device), first - 300 + window, window, watched, digest);
      }
    }
    sql("update telemetry_window set version = ?", classes ? 2 : 1);
    sql("update telemetry_feedback set version = ?", classes ? 2 : 1);
    if (classes) {
      // The model is right where it was to be; its score is its confidence.
      sql(
          """
          update telemetry_feedback set score = null, confidence = greatest(score, 1 - score),
            predicted_class = 2, actual = case when (score >= .5) = (actual >= .5) then 2 else 1 end
          """);
    }
    settle();

    plane.bean(DriftService.class).judgeDue();

    assertThat(alerts())
        .containsExactly("incident.opened incident-1 TICKET", "incident.harmful incident-1 PAGE");
    Incident incident = plane.bean(Incidents.class).newest().getFirst();
    assertThat(incident.cohort()).isEqualTo("hall=b");
    assertThat(incident.state()).isEqualTo("OPEN");
    assertThat(incident.harm()).isNull();
    Incident.Harm estimate = Objects.requireNonNull(incident.estimate());
    assertThat(estimate.before()).isCloseTo(.95, within(.02));
    assertThat(estimate.after()).isCloseTo(.5, within(.1));
    assertThat(plane.bean(Incidents.class).isHarmful(incident.id())).isTrue();
    // Each window once, on its own side.
    long since = first - 300 + WINDOWS - incident.onsetWindow();
    assertThat(estimate.predictions()).isEqualTo(since * DEVICES / 3 * 20);
    assertThat(count("select sum(n) from incident_score, unnest(counts) n where not since"))
        .isEqualTo((WINDOWS - since) * DEVICES / 3 * 20);
    assertThat(
            plane
                .bean(AccuracyReports.class)
                .accuracy(
                    "engine-health", Duration.ofMillis(4 * WINDOW_MILLIS), Duration.ofHours(2)))
        .filteredOn(point -> point.scored() > 0)
        .last()
        .satisfies(point -> assertThat(point.estimated()).isCloseTo(.8, within(.03)));
    plane
        .database()
        .run(
            transaction ->
                plane
                    .bean(TelemetryEraser.class)
                    .device(transaction, new TenantId("default"), "sure-1"));
    assertThat(count("select count(*) from incident_score where device = 'sure-1'")).isZero();
  }

  // Of 20 predictions 18 are sure and right, 2 are guessed; in the shifted hall all are.
  private void storeScored(
      String device, String hall, long index, int window, MonitoringManifest watched, Digest digest)
      throws Exception {
    boolean shifted = hall.equals("b") && window >= SHIFTED_FROM;
    boolean classes = watched.getScore().getClasses() > 2;
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(watched));
    for (int tick = 0; tick < 20; tick++) {
      float[] row = row(0);
      row[2] += shifted ? 2.5f : 0;
      boolean guessed = shifted || tick >= 18;
      boolean positive = tick % 2 == 0;
      float score = guessed ? positive ? .55f : .45f : positive ? .95f : .05f;
      sketch.observe(
          row, classes ? Math.max(score, 1 - score) : score, classes ? 2 : positive ? 1 : 0, 300);
      if (window < SHIFTED_FROM) {
        boolean actual = guessed ? (window + device.hashCode()) % 2 == 0 : positive;
        sql(
            """
            insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject,
              slot, model, version, actual, joined, score, predicted_at, outcome_at, received_at,
              joined_at)
            values (?, 1, ?, ?, '', 'sure', 'engine-health', 1, ?, true, ?, ?, now(), now(), ?)
            """,
            device,
            index * 20 + tick,
            "p-" + (index * 20 + tick),
            actual ? 1.0 : 0.0,
            (double) score,
            Instant.ofEpochMilli(index * WINDOW_MILLIS + 1),
            Instant.ofEpochMilli(index * WINDOW_MILLIS + 1));
      }
    }
    insert(
        device,
        "sure",
        index,
        sketch.seal(
            ModelRef.newBuilder().setManifestDigest(digest.toString()).build(),
            index,
            index * WINDOW_MILLIS,
            (index + 1) * WINDOW_MILLIS));
  }

  private void countsOutcomesAndOnlyTheNewestOfAPrediction() {
    sql(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject,
          slot, model, version, actual, joined, score, predicted_at, outcome_at, received_at,
          joined_at)
        select device, 3, sequence, prediction_id, subject, slot, model, version, 0, joined, score,
          predicted_at, outcome_at, received_at + interval '1 second', joined_at
        from telemetry_feedback where slot = 'side'
        """);
    WindowReader reader =
        new WindowReader(plane.bean(WindowLayouts.class), plane.bean(Monitoring.class));
    Track track = new Track("side", "engine-health", WINDOW_MILLIS);

    WindowReader.Window read =
        plane
            .database()
            .call(
                transaction -> reader.withOutcomes(transaction, track, first - 100, Instant.now()));

    assertThat(read.devices())
        .filteredOn(one -> one.outcomes().known() > 0)
        .singleElement()
        .satisfies(
            one ->
                assertThat(one.outcomes())
                    .isEqualTo(new DeviceWindow.Outcomes(1, 0, 1, List.of(1.0, 0.0))));
  }

  /** Every class of many counts, and stands beside what training knew of it. */
  @Test
  void countsEachOfMoreThanTwoClasses(@TempDir Path folder) throws Exception {
    MonitoringManifest sorter = sorter();
    Digest digest = imported(2, sorter, folder.resolve("sorter"));
    long window = first - 100;
    sql("insert into telemetry_track values ('sorted', 'engine-health', ?)", WINDOW_MILLIS);
    for (int device = 0; device < 24; device++) {
      sql(
          """
          insert into device (id, tenant, labels, facts, enrolled_at)
          values (?, 'default', '{}', '{}', now())
          """,
          id(device));
      WindowSketch sketch = new WindowSketch(MonitoringPlan.of(sorter));
      for (int tick = 0; tick < 30; tick++) {
        sketch.observe(row(0), .9f, tick % 3, 300);
      }
      insert(
          id(device),
          "sorted",
          1,
          sketch.seal(
              ModelRef.newBuilder().setManifestDigest(digest.toString()).build(),
              window,
              window * WINDOW_MILLIS,
              (window + 1) * WINDOW_MILLIS));
      // Class 0 is always right, class 1 is taken for 2.
      sql(
          """
          insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject,
            slot, model, version, actual, joined, predicted_class, predicted_at, outcome_at,
            received_at, joined_at)
          select ?, 1, i, 'p-' || i, '', 'sorted', 'engine-health', 2, i % 2, true, 2 * (i % 2),
            ?::timestamptz, now(), now(), ?::timestamptz
          from generate_series(1, 10) as i
          """,
          id(device),
          Instant.ofEpochMilli(window * WINDOW_MILLIS + 1),
          Instant.ofEpochMilli(window * WINDOW_MILLIS + 1));
    }
    sql("update telemetry_window set version = 2");
    settle();
    Track track = new Track("sorted", "engine-health", WINDOW_MILLIS);

    WindowReader.Window read =
        plane
            .database()
            .call(
                transaction ->
                    new WindowReader(plane.bean(WindowLayouts.class), plane.bean(Monitoring.class))
                        .withOutcomes(transaction, track, window, Instant.now()));
    plane.bean(DriftService.class).judgeDue();
    List<LabelShare> labels =
        plane.bean(LabelReports.class).of("engine-health", Duration.ofHours(1));

    assertThat(read.devices())
        .hasSize(24)
        .allSatisfy(
            one ->
                assertThat(one.outcomes())
                    .isEqualTo(new DeviceWindow.Outcomes(10, 5, 5, List.of(5.0, 5.0, 0.0))));
    assertThat(labels).extracting(LabelShare::label).containsExactly(0, 1, 2);
    LabelShare third = labels.getLast();
    assertThat(third.training()).isEqualTo(.2);
    assertThat(third.predicted()).isCloseTo(1.0 / 3, within(1e-9));
    assertThat(third.predictions()).isEqualTo(24 * 30);
    assertThat(third.devices()).isEqualTo(24);
    assertThat(third.actual()).isZero();
    assertThat(third.outcomes()).isEqualTo(240);
    assertThat(third.shift()).isEqualTo(-.2);
    assertThat(Objects.requireNonNull(third.shiftHigh())).isLessThan(0);
    assertThat(labels).extracting(LabelShare::drifted).containsExactly(false, true, true);
  }

  /** Devices pass by: what is kept of them does not grow with their number. */
  @Test
  void foldsEachDevicesWindowsIntoSumsAtOnce() throws Exception {
    MonitoringPlan plan = MonitoringPlan.of(sorter());
    LabelReports.Counted counted = new LabelReports.Counted(3);
    List<WeakReference<WindowCounts>> seen = new ArrayList<>();
    int heldMost = 0;

    for (int device = 0; device < 2000; device++) {
      for (int window = 0; window < 2; window++) {
        int[] counts = new int[plan.layout().bins()];
        counts[plan.layout().start(plan.layout().indexOf(MonitoringPlan.CLASS)) + device % 3] = 5;
        VersionRecords.Sent sent =
            new VersionRecords.Sent(
                "d-" + device, WINDOW_MILLIS, 1, WindowCounts.of(plan.layout(), counts));
        seen.add(new WeakReference<>(sent.counts()));
        counted.predict(sent);
      }
      if (device % 500 == 499) {
        System.gc();
        heldMost = Math.max(heldMost, (int) seen.stream().filter(one -> one.get() != null).count());
      }
    }
    counted.endPredicted();

    assertThat(heldMost).isLessThanOrEqualTo(2);
    assertThat(counted.predictions()).isEqualTo(20_000);
    LabelShares.Share share = counted.shares(List.of()).classes().getFirst();
    assertThat(share.predicted().value()).isCloseTo(667.0 / 2000, within(1e-9));
    // The unit is the device, not its windows: 1.96 sqrt(p (1 - p) / 2000).
    assertThat(share.predicted().halfWidth()).isCloseTo(.02066, within(1e-4));
  }

  private MonitoringManifest sorter() {
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int f = 0; f < FEATURES; f++) {
      features.add(new MonitoringManifests.Feature("f" + f, f));
    }
    float[][] rows = new float[100][];
    List<float[]> said = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row(0);
      float[] one = new float[3];
      one[i % 3] = 1;
      said.add(one);
    }
    return MonitoringManifests.fromReference(
        "input",
        features,
        rows,
        new MonitoringManifests.Scores("score", said, false, .5, List.of(5000L, 3000L, 2000L)));
  }

  // Ingest refuses it; a table may have held it from before it did until it was migrated.
  private void alsoInASlotWhereOneOutcomeWasChosenByAnImpossibleChance() throws Exception {
    sql("insert into telemetry_track values ('side', 'engine-health', ?)", WINDOW_MILLIS);
    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version,
          manifest, window_index, window_millis, start_at, end_at, predictions,
          predictions_failed, skipped, record, received_at)
        select device, 2, sequence, 'side', model, version, manifest, window_index, window_millis,
          start_at, end_at, predictions, predictions_failed, skipped, record, received_at
        from telemetry_window where slot = 'flip'
        """);
    sql(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject,
          slot, model, version, actual, joined, score, predicted_at, outcome_at, received_at,
          joined_at, inclusion_probability)
        select device, 2, sequence, prediction_id, subject, 'side', model, version, 1, true, .8,
          predicted_at, outcome_at, received_at, joined_at, ?
        from telemetry_feedback where slot = 'flip' and device = 'flip-0' and sequence = ?
        """,
        Double.MIN_VALUE,
        (first - 100) * 20);
    try (InputStream migration =
        getClass().getResourceAsStream("/db/migration/V525__probabilities.sql")) {
      sql(new String(Objects.requireNonNull(migration).readAllBytes(), StandardCharsets.UTF_8));
    }
    assertThat(count("select count(*) from telemetry_feedback where inclusion_probability < 1e-6"))
        .isZero();
  }

  /** An agent that restarted sends a window in parts; parts that cannot be true judge nobody. */
  @Test
  void setsADeviceAsideWhoseRecordsOfAWindowOverflow() throws Exception {
    Track track = new Track("line", "engine-health", WINDOW_MILLIS);
    long window = first - 500;
    for (String device : List.of("honest", "hostile")) {
      sql(
          "insert into device (id, tenant, labels, facts, enrolled_at) values (?, 'default', '{}', '{}', now())",
          device);
    }
    insert("honest", "line", 1, full(window, 7));
    insert("honest", "line", 2, full(window, 5));
    for (long part = 1; part <= 3; part++) {
      insert("hostile", "line", part, full(window, Integer.MAX_VALUE));
    }

    WindowReader.Window read =
        plane
            .database()
            .call(
                transaction ->
                    new WindowReader(plane.bean(WindowLayouts.class), plane.bean(Monitoring.class))
                        .read(transaction, track, window, Instant.now().plusSeconds(60)));

    assertThat(read.devices())
        .singleElement()
        .satisfies(
            one -> {
              assertThat(one.device().value()).isEqualTo("honest");
              assertThat(one.counts().total(0)).isEqualTo(12);
            });
  }

  private Window full(long index, int predictions) throws Exception {
    List<Long> counts =
        new ArrayList<>(Collections.nCopies(MonitoringPlan.of(monitoring).layout().bins(0), 0L));
    counts.set(0, (long) predictions);
    return Window.newBuilder()
        .setModel(ModelRef.newBuilder().setManifestDigest(manifest.toString()))
        .setWindow(index)
        .setStartMillis(index * WINDOW_MILLIS)
        .setEndMillis((index + 1) * WINDOW_MILLIS)
        .setPredictions(predictions)
        .addStreams(StreamCounts.newBuilder().setStream("f0").addAllCounts(counts))
        .build();
  }

  private long count(String sql, Object... parameters) {
    return plane.database().<Long>call(transaction -> transaction.number(sql, parameters));
  }

  private List<String> alerts() {
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    "select kind || ' ' || object || ' ' || severity as told from alert order by id",
                    row -> row.text("told")));
  }

  private String verdicts() {
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    "select verdicts::text as verdicts from drift_window order by window_index",
                    row -> row.text("verdicts")))
        .toString();
  }

  private void enrol() {
    sql("insert into telemetry_track values ('main', 'engine-health', ?)", WINDOW_MILLIS);
    for (int device = 0; device < DEVICES + 2; device++) {
      sql(
          """
          insert into device (id, tenant, labels, facts, profile, enrolled_at)
          values (?, 'default', jsonb_build_object('site', ?::text), '{}', ?, now())
          """,
          id(device),
          site(device),
          "profile-" + device % 2);
    }
  }

  private void store(int window) throws Exception {
    MonitoringPlan plan = MonitoringPlan.of(monitoring);
    long index = first + window;
    for (int device = 0; device < DEVICES; device++) {
      WindowSketch sketch = new WindowSketch(plan);
      for (int tick = 0; tick < 20; tick++) {
        float[] row = row(.3 * Math.sin(device));
        boolean positive = tick % 4 == 0;
        boolean shifted = site(device).equals("b") && window >= SHIFTED_FROM;
        if (shifted) {
          row[2] += 2.5f;
        }
        float score = positive == (shifted && tick % 2 == 0) ? .2f : .8f;
        sketch.observe(row, score, score >= .5 ? 1 : 0, 300);
        feedback(device, index * 20 + tick, index, positive, score);
      }
      insert(
          id(device),
          "main",
          index,
          sketch.seal(
              ModelRef.newBuilder().setManifestDigest(manifest.toString()).build(),
              index,
              index * WINDOW_MILLIS,
              (index + 1) * WINDOW_MILLIS));
    }
  }

  @Test
  void tellsOfTheAnomaliesThatDevicesLogged() throws Exception {
    enrol();
    Anomaly known =
        Anomaly.newBuilder()
            .setPredictionId("p-1")
            .setAtMillis(first * WINDOW_MILLIS)
            .setStream(2)
            .setBin(1)
            .setItem(3)
            .addMore(5 << 8 | 4)
            .build();
    // A device may say what it likes.
    Anomaly foreign =
        known.toBuilder().setPredictionId("=1+1").setStream(-1).setBin(77).clearMore().build();
    Window window =
        named(
            new WindowSketch(MonitoringPlan.of(monitoring))
                .seal(
                    ModelRef.getDefaultInstance(),
                    first,
                    first * WINDOW_MILLIS,
                    (first + 1) * WINDOW_MILLIS),
            manifest.toString());
    insert(id(0), "main", 1, window.toBuilder().addAnomalies(known).build());
    insert(id(1), "main", 1, named(window, "nonsense").toBuilder().addAnomalies(foreign).build());
    insert(id(2), "main", 1, window);
    Anomalies anomalies = plane.bean(Anomalies.class);

    assertThat(anomalies.of("engine-health", "", Duration.ofHours(1)))
        .extracting(
            one ->
                "%s %s %s %s %d"
                    .formatted(
                        one.device(), one.stream(), one.bin(), one.predictionId(), one.item()))
        .containsExactlyInAnyOrder(
            id(0) + " f2 not a number p-1 3",
            id(0) + " f5 above maximum p-1 3",
            id(1) + " 4294967295 77 =1+1 3");
    assertThat(anomalies.of("engine-health", id(1), Duration.ofHours(1))).hasSize(1);
    assertThat(anomalies.of("other", "", Duration.ofHours(1))).isEmpty();
  }

  // Ingest refuses these; a table may hold them from before it did.
  private void storeWhatNamesNoManifestOfThisModel() throws Exception {
    Window window =
        new WindowSketch(MonitoringPlan.of(monitoring))
            .seal(
                ModelRef.getDefaultInstance(),
                first + 2,
                (first + 2) * WINDOW_MILLIS,
                (first + 3) * WINDOW_MILLIS);
    insert(id(DEVICES), "main", 1, named(window, "nonsense"));
    insert(id(DEVICES + 1), "main", 1, named(window, Digest.of(new byte[0]).toString()));
  }

  private static Window named(Window window, String manifest) {
    return window.toBuilder().setModel(ModelRef.newBuilder().setManifestDigest(manifest)).build();
  }

  private void insert(String device, String slot, long sequence, Window window) {
    plane
        .database()
        .run(
            transaction -> {
              transaction.update(
                  """
                  insert into telemetry_window (device, boot_epoch, sequence, slot, model, version,
                    manifest, window_index, window_millis, start_at, end_at, predictions,
                    predictions_failed, skipped, record, received_at)
                  values (?, 1, ?, ?, 'engine-health', 1, ?, ?, ?, ?, ?, ?, 0, 0, ?, now())
                  """,
                  device,
                  sequence,
                  slot,
                  window.getModel().getManifestDigest(),
                  window.getWindow(),
                  WINDOW_MILLIS,
                  Instant.ofEpochMilli(window.getStartMillis()),
                  Instant.ofEpochMilli(window.getEndMillis()),
                  window.getPredictions(),
                  window.toByteArray());
            });
  }

  private void feedback(int device, long sequence, long window, boolean positive, float score) {
    sql(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject,
          slot, model, version, actual, joined, score, predicted_at, outcome_at, received_at,
          joined_at)
        values (?, 1, ?, ?, '', 'main', 'engine-health', 1, ?, true, ?, ?, now(), now(), ?)
        """,
        id(device),
        sequence,
        "p-" + sequence,
        positive ? 1.0 : 0.0,
        (double) score,
        Instant.ofEpochMilli(window * WINDOW_MILLIS + 1),
        Instant.ofEpochMilli(window * WINDOW_MILLIS + 1));
  }

  // Records that have just been received are left out of a verdict.
  private void settle() {
    sql("update telemetry_window set received_at = now() - interval '1 minute'");
  }

  private MonitoringManifest monitoring() {
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int f = 0; f < FEATURES; f++) {
      features.add(new MonitoringManifests.Feature("f" + f, f));
    }
    float[][] rows = new float[2000][];
    float[] scores = new float[rows.length];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row(0);
      scores[i] = random.nextFloat();
    }
    return MonitoringManifests.fromReference("input", features, rows, "score", scores, .5);
  }

  private float[] row(double offset) {
    float[] row = new float[FEATURES];
    for (int f = 0; f < FEATURES; f++) {
      row[f] = (float) (offset + random.nextGaussian());
    }
    return row;
  }

  private static String id(int device) {
    return "device-%02d".formatted(device);
  }

  private static String site(int device) {
    return List.of("a", "b", "c").get(device % 3);
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
