package io.skerry.contract;

import io.skerry.api.RolloutRequest;
import io.skerry.api.RolloutRequest.PaceRequest;
import io.skerry.api.RolloutRequest.PartRequest;
import io.skerry.api.RolloutRequest.StageRequest;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.audit.Actor;
import io.skerry.control.device.DesiredOutbox;
import io.skerry.control.device.DesiredService;
import io.skerry.control.device.DeviceReports;
import io.skerry.control.device.GenerationTerm;
import io.skerry.control.device.Presence;
import io.skerry.control.device.Removal;
import io.skerry.control.device.SlotOrder;
import io.skerry.control.drift.Judging;
import io.skerry.control.host.Addresses;
import io.skerry.control.host.ServerAddress;
import io.skerry.control.ingest.QuietPlane;
import io.skerry.control.link.InboundMessage;
import io.skerry.control.rollout.Rollouts;
import io.skerry.control.rollout.SqlBooks;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Pace;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The server's tables in PostgreSQL, through the server's own classes. */
final class PostgresqlTables implements Tables, AutoCloseable {
  private static final Actor TESTER = new Actor("tester", "contract");
  private static final String MODEL = "tested";
  private static final String SECOND_MODEL = "tested-too";
  private static final String SECOND_SLOT = "second";
  private static final String PROFILE = "x86-64-avx2";

  private final EmbeddedPostgres postgres;
  private final Path folder;
  private final SigningKey key = SigningKey.generate();
  private final Map<Variant, ArtifactStore.Imported> artifacts = new HashMap<>();
  private QuietPlane plane;

  /** Starts a database and a control plane on it. */
  PostgresqlTables(Path folder) throws IOException {
    this.postgres = EmbeddedPostgres.builder().start();
    this.folder = folder;
    this.plane = plane();
    insertVersions();
  }

  private QuietPlane plane() {
    QuietPlane started =
        new QuietPlane(
            "jdbc:postgresql://127.0.0.1:%d/postgres".formatted(postgres.getPort()), folder);
    URI anywhere = URI.create("https://127.0.0.1");
    started.bean(Addresses.class).open(new ServerAddress(anywhere, anywhere, "127.0.0.1", 1));
    started.bean(GenerationTerm.class).begin();
    return started;
  }

  private void insertVersions() {
    for (long version = 1; version <= 3; version++) {
      insertVersion(MODEL, version);
    }
    insertVersion(SECOND_MODEL, 1);
    insertVersion(SECOND_MODEL, 2);
  }

  private void insertVersion(String model, long version) {
    update(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values (?, ?, 'import', 'onnx', 'x', now())
        """,
        model,
        version);
    for (String profile : List.of(PROFILE, "arm64-dotprod")) {
      ArtifactStore.Imported artifact = artifact(new Variant(model, version, profile));
      update(
          """
          insert into variant (model, version, profile, engine, precision, bytes, measured,
            winner, manifest, signature)
          values (?, ?, ?, 'onnxruntime', 'fp32', 1, 'none', true, ?, ?)
          """,
          model,
          version,
          profile,
          artifact.model().toString(),
          artifact.signature().toString());
    }
  }

  private record Variant(String model, long version, String profile) {}

  private ArtifactStore.Imported artifact(long version, String profile) {
    return artifact(new Variant(MODEL, version, profile));
  }

  private ArtifactStore.Imported artifact(Variant variant) {
    return artifacts.computeIfAbsent(variant, this::imported);
  }

  private ArtifactStore.Imported imported(Variant variant) {
    Path layout =
        folder.resolve(
            "layout-%s-%d-%s".formatted(variant.model(), variant.version(), variant.profile()));
    try {
      new ArtifactWriter(
              new ModelVersion(new ModelName(variant.model()), variant.version()),
              new ProfileId(variant.profile()),
              Engine.ONNXRUNTIME,
              Precision.FP32,
              variant.version(),
              new ModelSignature(
                  List.of(new TensorSpec("input", ElementType.FP32, List.of(1L, 4L))),
                  List.of(new TensorSpec("output", ElementType.FP32, List.of(1L, 1L)))))
          .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1})
          .add(
              LayerType.MONITORING,
              "monitoring.bin",
              Tables.monitoring(variant.version()).toByteArray())
          .write(layout, key);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return plane.bean(ArtifactStore.class).importLayout(layout);
  }

  /** Removes all devices and rollouts. */
  void empty() {
    update(
        """
        truncate device, rollout, desired, desired_slot, desired_outbox, ingest_ledger,
          ingest_ledger_folded, telemetry_event, telemetry_window, telemetry_window_stream,
          telemetry_feedback, rollout_arm, rollout_arm_sum, device_report, device_slot_report, deployment,
          deployment_count, device_attributes, telemetry_track, drift_track, drift_window cascade
        """);
  }

  /** Lets the database itself do something wrong, until it ends. */
  void plant(String sql) {
    update(sql);
  }

  private void update(String sql, Object... arguments) {
    plane.database().run(transaction -> transaction.update(sql, arguments));
  }

  private long number(String sql, Object... arguments) {
    return plane.database().call(transaction -> transaction.number(sql, arguments));
  }

  @Override
  public void restart() {
    plane.close();
    plane = plane();
  }

  @Override
  public void enrol(DeviceId device) {
    update(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        values (?, 'default', '{}', '{}', ?, now())
        """,
        device.value(),
        PROFILE);
    update(
        "insert into device_presence (device, online, boot_epoch) values (?, true, 1)",
        device.value());
  }

  @Override
  public void remove(DeviceId device) {
    Removal.remove(plane, TESTER, device);
    // Whoever listens is told behind the commit.
    while (number("select count(*) from deployment where device = ? and live", device.value())
        > 0) {
      Thread.onSpinWait();
    }
  }

  @Override
  public void present(DeviceId device, boolean online, long bootEpoch) {
    Presence presence = plane.bean(Presence.class);
    DeviceStatus status = new DeviceStatus(online, bootEpoch, Instant.now(), "one");
    plane.database().run(transaction -> presence.store(transaction, device, status));
  }

  @Override
  public void forgetPresence() {
    plane.bean(Presence.class).forgetAll();
  }

  @Override
  public boolean isOnline(DeviceId device) {
    return number(
            "select count(*) from device_presence where device = ? and online", device.value())
        > 0;
  }

  @Override
  public boolean report(ReportedDocument report) {
    DeviceReports reports = plane.bean(DeviceReports.class);
    return plane.database().call(transaction -> reports.store(transaction, report));
  }

  @Override
  public ModelRef model(long version, String profile) {
    return ModelRef.newBuilder()
        .setSlot("main")
        .setModel(MODEL)
        .setVersion(version)
        .setManifestDigest(manifest(version, profile).toString())
        .build();
  }

  @Override
  public List<CommittedRange> take(
      DeviceId device, RecordStream stream, List<RecordBatch> together) {
    Topics.DeviceTopic topic =
        new Topics.DeviceTopic(new TenantId("default"), device, stream.wireName());
    return plane
        .store(
            together.stream()
                .map(
                    batch -> new InboundMessage(topic, batch.toByteString(), () -> false, () -> {}))
                .toList())
        .getOrDefault(device, List.of());
  }

  @Override
  public List<JudgedWindow> judge() {
    return Judging.judge(plane, "main", MODEL, Records.WINDOW_MILLIS);
  }

  @Override
  public List<Long> stored(DeviceId device, long bootEpoch) {
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    """
                    select sequence from telemetry_event where device = ? and boot_epoch = ?
                    order by sequence
                    """,
                    row -> row.bigint("sequence"),
                    device.value(),
                    bootEpoch));
  }

  @Override
  public Counts counts(DeviceId device) {
    return new Counts(
        sum("stored", device),
        sum("duplicates", device),
        sum("highest - stored - given_up - damaged", device),
        sum("given_up + damaged", device));
  }

  private long sum(String figure, DeviceId device) {
    return number(
        "select coalesce(sum(%s), 0)::bigint from ingest_ledger where device = ?".formatted(figure),
        device.value());
  }

  @Override
  public void order(List<DeviceId> devices, long version) {
    DesiredService service = plane.bean(DesiredService.class);
    plane
        .database()
        .run(
            transaction -> service.order(transaction, devices, new SlotId("main"), order(version)));
  }

  private SlotOrder order(long version) {
    return new SlotOrder(
        new ModelVersion(new ModelName(MODEL), version),
        artifact(version, PROFILE).model(),
        artifact(version, PROFILE).signature(),
        Optional.empty(),
        new SamplingRates(.1, 1),
        Duration.ofMinutes(1),
        3,
        Duration.ofMinutes(1));
  }

  private DesiredOutbox outbox() {
    return plane.bean(DesiredOutbox.class);
  }

  @Override
  public List<Waiting> waiting(int limit) {
    return outbox().waiting(limit).stream().map(one -> new Waiting(one.document(), one)).toList();
  }

  @Override
  public void published(List<Waiting> documents) {
    outbox()
        .published(documents.stream().map(one -> (DesiredOutbox.Waiting) one.ticket()).toList());
  }

  @Override
  public int repair() {
    return outbox().repair(Duration.ZERO);
  }

  @Override
  public void queueAll() {
    outbox().queueAll();
  }

  @Override
  public void outrank() {
    plane.bean(GenerationTerm.class).outrank();
  }

  @Override
  public RolloutBooks books() {
    return plane.bean(SqlBooks.class);
  }

  @Override
  public RolloutId begin(Wish wish, Instant now) {
    RolloutPlan.Limits limits = wish.limits();
    RolloutPlan.Deadlines deadlines = Wish.DEADLINES;
    return new RolloutId(
        plane
            .bean(Rollouts.class)
            .create(
                TESTER,
                new RolloutRequest(
                    MODEL,
                    wish.version(),
                    null,
                    wish.unit()
                        ? List.of(new PartRequest(SECOND_SLOT, SECOND_MODEL, wish.version()))
                        : null,
                    wish.kind().code(),
                    wish.kind() instanceof RolloutKind.Split split ? split.share() : null,
                    wish.kind().isTrial() ? wish.kind().promotes() : null,
                    wish.stages().stream().map(PostgresqlTables::stage).toList(),
                    limits.holdback(),
                    wish.dynamic(),
                    Wish.SOAK_WINDOWS,
                    (int) Wish.WINDOW.toMillis(),
                    limits.inFlight() == Integer.MAX_VALUE ? null : limits.inFlight(),
                    limits.catchUp(),
                    pace(limits.pace()),
                    null,
                    new RolloutRequest.DeadlinesRequest(
                        text(deadlines.start()),
                        text(deadlines.step()),
                        text(deadlines.progress()),
                        text(deadlines.stage())),
                    "PAUSE",
                    null,
                    null,
                    null,
                    null))
            .id());
  }

  private static String text(Duration length) {
    return length.toMinutes() + "m";
  }

  private static @Nullable PaceRequest pace(Pace pace) {
    return Double.isInfinite(pace.perMinute())
        ? null
        : new PaceRequest(
            pace.perMinute(), pace.factor(), pace.every(), pace.by().name(), pace.perMinuteMax());
  }

  private static StageRequest stage(StageRule rule) {
    Integer minimum = rule.minimum();
    return switch (rule.selection()) {
      case StageRule.Selection.Percent(int percent) ->
          new StageRequest(percent, null, null, null, minimum, null);
      case StageRule.Selection.Count(int devices) ->
          new StageRequest(null, devices, null, null, minimum, null);
      case StageRule.Selection.Profile(ProfileId profile) ->
          new StageRequest(null, null, null, profile.value(), minimum, null);
      case StageRule.Selection.Cohort _, StageRule.Selection.Holdback _ ->
          throw new IllegalArgumentException("no stage of this suite");
    };
  }

  @Override
  public Map<DeviceId, DeploymentState> deployments(RolloutId rollout) {
    Map<DeviceId, DeploymentState> states = new HashMap<>();
    plane
        .database()
        .run(
            transaction ->
                transaction.forEach(
                    "select device, state from deployment where rollout = ?",
                    row ->
                        states.put(
                            new DeviceId(row.text("device")),
                            DeploymentState.valueOf(row.text("state"))),
                    rollout.value()));
    return states;
  }

  @Override
  public Map<DeviceId, String> outsiders(RolloutId rollout) {
    Map<DeviceId, String> reasons = new HashMap<>();
    plane
        .bean(Rollouts.class)
        .outsiders(rollout.value(), "", 1000)
        .forEach(one -> reasons.put(new DeviceId(one.device()), one.reason()));
    return reasons;
  }

  @Override
  public Digest manifest(long version, String profile) {
    return artifact(version, profile).model();
  }

  @Override
  public ModelRef secondModel(long version, String profile) {
    return model(version, profile).toBuilder()
        .setModel(SECOND_MODEL)
        .setManifestDigest(secondManifest(version, profile).toString())
        .build();
  }

  @Override
  public Digest secondManifest(long version, String profile) {
    return artifact(new Variant(SECOND_MODEL, version, profile)).model();
  }

  @Override
  public void look(RolloutId rollout, String replica, Instant now) {
    SqlBooks books = plane.bean(SqlBooks.class);
    books
        .lease(rollout, replica, now)
        .ifPresent(
            lease -> {
              RolloutDriver.moveOn(books, lease, Instant.EPOCH, now);
              books.admit(lease);
              books.countLost(lease);
            });
  }

  @Override
  public void close() throws IOException {
    plane.close();
    postgres.close();
  }
}
