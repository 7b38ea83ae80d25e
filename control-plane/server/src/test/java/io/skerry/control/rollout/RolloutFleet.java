package io.skerry.control.rollout;

import com.google.gson.Gson;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutPreview;
import io.skerry.api.RolloutRequest;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.device.PresenceStoring;
import io.skerry.control.device.ReportsStoring;
import io.skerry.control.ingest.RecordsStoring;
import io.skerry.control.link.ControlLink;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A fleet and its rollouts in a real database, moved on by a clock of the test. */
final class RolloutFleet implements AutoCloseable {
  static final String X86 = "x86-64-avx2";
  static final String ARM = "arm64-neon";
  static final Actor ANA = new Actor("ana", "request-1");

  private static final Duration STEP = Duration.ofSeconds(5);

  final TestPlane plane;
  final Rollouts rollouts;
  private Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
  private RolloutEngine engine;

  RolloutFleet(Path folder) throws IOException {
    plane = TestPlane.start(folder);
    rollouts = plane.bean(Rollouts.class);
    engine = engine();
  }

  private RolloutEngine engine() {
    InstantSource clock = () -> now;
    return new RolloutEngine(
        plane.database(),
        plane.bean(SqlBooks.class),
        plane.bean(AuditLog.class),
        plane.bean(ControlLink.class),
        plane.bean(RolloutEndings.class),
        clock.withZone(ZoneOffset.UTC));
  }

  /** Removes everything but the audit log. */
  void empty() {
    sql(
        """
        truncate device, model_version, variant, cohort, rollout, desired, desired_slot,
          desired_outbox, device_report, device_slot_report, deployment, deployment_count,
          rollout_arm, rollout_arm_sum, alert cascade
        """);
    sql("update heard set at = null");
    now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    engine = engine();
  }

  /** A packaged and signed version. */
  void version(long version, Map<String, String> engineOfProfile) {
    version("tested", version, engineOfProfile);
  }

  void version(String model, long version, Map<String, String> engineOfProfile) {
    sql(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values (?, ?, 'import', 'onnx', 'x', now())
        """,
        model,
        version);
    engineOfProfile.forEach(
        (profile, engine) ->
            sql(
                """
                insert into variant (model, version, profile, engine, precision, bytes, measured,
                  winner, manifest, signature)
                values (?, ?, ?, ?, 'fp32', 1, 'none', true, ?, ?)
                """,
                model,
                version,
                profile,
                engine,
                manifest(model, version, profile),
                digest("signature " + version)));
  }

  void enrol(String device, @Nullable String profile, String... engines) {
    sql(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        values (?, 'default', '{}', jsonb_build_object('engines', to_jsonb(?::text[])), ?, now())
        """,
        device,
        List.of(engines),
        profile);
    sql("insert into device_presence (device, online, boot_epoch) values (?, true, 1)", device);
  }

  void enrol(int devices, String profile) {
    for (int device = 0; device < devices; device++) {
      enrol("%s-%02d".formatted(profile, device), profile, "onnxruntime/cpu");
    }
  }

  /** What a device says of itself from now on. */
  void becomes(String device, @Nullable String profile, String... engines) {
    sql(
        """
        update device set profile = ?, facts = jsonb_build_object('engines', to_jsonb(?::text[]))
        where id = ?
        """,
        profile,
        List.of(engines),
        device);
  }

  void label(String device, String label) {
    sql(
        "update device set labels = jsonb_build_object(?::text, 'yes') where id = ?",
        label,
        device);
  }

  void cohort(String label) {
    sql(
        """
        insert into cohort (name, selector, created_by, created_at)
        values (?, jsonb_build_object(?::text, 'yes'), 'ana', now())
        """,
        label,
        label);
  }

  void online(String device, boolean online) {
    plane
        .database()
        .run(
            transaction -> {
              transaction.update(
                  "update device_presence set online = ? where device = ?", online, device);
              plane
                  .bean(DeviceFollower.class)
                  .onPresence(new PresenceStoring(transaction, List.of(new DeviceId(device))));
            });
  }

  /** Another process goes on with what is kept. */
  void restart() {
    engine = engine();
  }

  static RolloutRequest request(String json) {
    return new Gson().fromJson(json, RolloutRequest.class);
  }

  Rollout create(String json) {
    Rollout made = rollouts.create(ANA, request(json));
    keepUp();
    return made;
  }

  // People act by the clock on the wall: what is counted afterwards is not from before.
  private void keepUp() {
    Instant wall = Instant.now().truncatedTo(ChronoUnit.MICROS);
    now = now.isBefore(wall) ? wall : now;
  }

  RolloutPreview preview(String json) {
    return rollouts.preview(ANA, request(json));
  }

  Rollout act(String id, RolloutAct act) {
    Rollout acted = rollouts.act(ANA, id, act, "tested", OptionalLong.empty());
    keepUp();
    return acted;
  }

  Rollout find(String id) {
    return rollouts.find(id).orElseThrow();
  }

  /** Lets the engine look once. */
  void look() {
    engine.look(now);
  }

  /** Lets time pass for the engine, which looks as it goes. */
  void pass(Duration time) {
    Instant end = now.plus(time);
    while (now.isBefore(end)) {
      now = now.plus(STEP).isAfter(end) ? end : now.plus(STEP);
      engine.look(now);
    }
  }

  /** Lets time pass in which nobody looks. */
  void sleep(Duration time) {
    now = now.plus(time);
  }

  Instant now() {
    return now;
  }

  /** Devices that are there and were ordered something by a rollout say that they are so far. */
  void report(String rollout, String phase) {
    report(rollout, phase, List.of());
  }

  /** The same of these devices. */
  void report(String rollout, String phase, List<String> of) {
    plane.database().run(transaction -> report(transaction, rollout, phase, of));
  }

  /** The same in a transaction that goes on. */
  void report(Transaction transaction, String rollout, String phase, List<String> of) {
    List<DeviceId> told =
        transaction.list(
            """
            insert into device_slot_report (device, slot, revision, phase, running_model,
              running_version, running_manifest, predictions, predictions_failed)
            select o.device, o.slot, o.revision, ?, o.model, o.version, o.manifest, 0, 0
            from desired_slot o join device_presence p on p.device = o.device and p.online
            where o.rollout = ? and (? or o.device = any(?))
            on conflict (device, slot) do update set revision = excluded.revision,
              phase = excluded.phase, running_model = excluded.running_model,
              running_version = excluded.running_version,
              running_manifest = case when excluded.phase in ('REJECTED', 'FAILED')
                then device_slot_report.running_manifest
                else excluded.running_manifest end
            returning device
            """,
            row -> new DeviceId(row.text("device")),
            phase,
            rollout,
            of.isEmpty(),
            of);
    plane.bean(DeviceFollower.class).onReports(new ReportsStoring(transaction, told));
  }

  /** What a device has told is heard. */
  void follow(String device) {
    plane
        .database()
        .run(
            transaction ->
                plane
                    .bean(DeviceFollower.class)
                    .onReports(new ReportsStoring(transaction, List.of(new DeviceId(device)))));
  }

  /** Every device sends a window of what it runs in slot main. */
  void predict(int predictions, int failed, long failing) {
    plane
        .database()
        .run(
            transaction ->
                plane
                    .bean(Arms.class)
                    .onRecords(
                        new RecordsStoring(
                            transaction,
                            transaction.list(
                                """
                                select device, running_model, running_version, running_manifest
                                from device_slot_report where slot = 'main'
                                order by device
                                """,
                                row ->
                                    new RecordsStoring.Window(
                                        new DeviceId(row.text("device")),
                                        1,
                                        new SlotId("main"),
                                        new ModelVersion(
                                            new ModelName(row.text("running_model")),
                                            row.bigint("running_version")),
                                        row.text("running_manifest"),
                                        now.plusSeconds(1),
                                        predictions,
                                        row.bigint("running_version") == failing ? failed : 0,
                                        0,
                                        Map.of())),
                            List.of())));
  }

  /** Each device of a rollout and its state. */
  Map<String, String> states(String rollout) {
    return texts("select device as name, state as text from deployment where rollout = ?", rollout);
  }

  /** Devices of a rollout in a state, by name. */
  List<String> in(String rollout, String state) {
    return states(rollout).entrySet().stream()
        .filter(one -> one.getValue().equals(state))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Each device and the manifest that it is ordered to run in slot main. */
  Map<String, String> ordered() {
    return texts(
        """
        select device as name, manifest as text from desired_slot
        where slot = 'main' and mode = 'ACTIVE'
        """);
  }

  Map<String, String> texts(String query, Object... parameters) {
    Map<String, String> texts = new TreeMap<>();
    plane
        .database()
        .run(
            transaction ->
                transaction.forEach(
                    query, row -> texts.put(row.text("name"), row.text("text")), parameters));
    return texts;
  }

  long number(String query, Object... parameters) {
    return plane.database().<Long>call(transaction -> transaction.number(query, parameters));
  }

  /** Counts of a rollout that do not agree with its devices. */
  int wrongCounts(String rollout) {
    return plane
        .database()
        .<Integer>call(transaction -> RolloutTables.sweep(transaction, new RolloutId(rollout)));
  }

  static String manifest(long version, String profile) {
    return manifest("tested", version, profile);
  }

  static String manifest(String model, long version, String profile) {
    return digest(model + version + profile);
  }

  private static String digest(String of) {
    return Digest.of(of.getBytes(StandardCharsets.UTF_8)).toString();
  }

  void sql(String statement, @Nullable Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }

  @Override
  public void close() throws IOException {
    plane.close();
  }
}
