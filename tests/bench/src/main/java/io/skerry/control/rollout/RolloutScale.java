package io.skerry.control.rollout;

import io.skerry.api.Rollout;
import io.skerry.api.RolloutRequest;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.control.BenchPlane;
import io.skerry.control.audit.Actor;
import io.skerry.control.device.DeviceReports;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.link.ControlLink;
import io.skerry.control.sql.Database;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The rollout engine of a whole control plane on a large fleet of device rows. */
public final class RolloutScale implements AutoCloseable {
  public static final int DEVICES = 100_000;
  public static final int ROLLOUTS = 50;

  private static final Actor BENCH = new Actor("bench", "bench");
  private static final String PROFILE = "x86-64-avx2";
  // Of that profile, or nobody would be eligible after the first report.
  private static final DeviceFacts FACTS =
      new DeviceFacts(
          "x86-64", List.of("avx2"), 4, 1L << 32, List.of(), List.of("onnxruntime"), "");
  private static final String MODEL = "scale";
  private static final int REPORTS_A_BATCH = 500;
  private static final int UNANSWERED_MAX = 1500;
  private static final int SIGNED_AT_ONCE = 500;
  // What the order of one slot takes, with its envelope.
  private static final int MESSAGE_BYTES = 420;
  // The shortest: of these the engine reads evidence with every tick.
  private static final int WINDOW_MILLIS = 1000;
  private static final Duration DRAINED_WITHIN = Duration.ofMinutes(5);

  private final BenchPlane plane;
  private final Database database;
  private final Rollouts rollouts;
  private final RolloutEngine engine;
  private final ProcessHandle postmaster;
  private long sequence;

  private RolloutScale(BenchPlane plane, ProcessHandle postmaster) {
    this.plane = plane;
    this.postmaster = postmaster;
    this.database = plane.bean(Database.class);
    this.rollouts = plane.bean(Rollouts.class);
    this.engine = plane.bean(RolloutEngine.class);
  }

  /** Starts a control plane and fills its fleet. */
  public static RolloutScale start(Path folder) throws IOException {
    BenchPlane plane = BenchPlane.start(folder);
    RolloutScale scale =
        new RolloutScale(
            plane, Cpu.postmaster(folder.resolve("postgres").resolve("postmaster.pid")));
    scale.fill();
    return scale;
  }

  private void fill() {
    database.run(
        transaction -> {
          transaction.update(
              """
              insert into device (id, tenant, labels, facts, profile, enrolled_at)
              select 'device-' || n, 'default', '{}', '{}', ?, now() - interval '1 hour'
              from generate_series(1, ?) as n
              """,
              PROFILE,
              DEVICES);
          transaction.update(
              """
              insert into device_presence (device, online, boot_epoch)
              select id, true, 1 from device
              """);
          for (long version = 1; version <= 3; version++) {
            transaction.update(
                """
                insert into model_version (model, version, source, format, blob, created_at)
                values (?, ?, 'import', 'onnx', 'x', now())
                """,
                MODEL,
                version);
            transaction.update(
                """
                insert into variant (model, version, profile, engine, precision, bytes, measured,
                  winner, manifest, signature)
                values (?, ?, ?, 'onnxruntime', 'fp32', 1, 'none', true, ?, ?)
                """,
                MODEL,
                version,
                PROFILE,
                digest("manifest" + version).toString(),
                digest("signature" + version).toString());
          }
        });
    database.run(transaction -> transaction.update("analyze"));
  }

  private static Digest digest(String text) {
    return Digest.of(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * What opening a stage of a tenth of the fleet took.
   *
   * @param jvmMicros of one core for each published document, the broker's included
   * @param databaseMicros the same of PostgreSQL
   */
  public record Opened(
      double seconds,
      int orders,
      double publishedPerSecond,
      double jvmMicros,
      double databaseMicros) {}

  /** Messages that the broker takes a second, and what one costs of a core. */
  public record BrokerRate(double perSecond, double jvmMicros) {}

  /** Writes a rollout of ten stages down, opens its first, and waits until the broker has all. */
  public Opened open(long version) throws InterruptedException {
    List<RolloutRequest.StageRequest> stages = new ArrayList<>();
    for (int percent = 10; percent <= 100; percent += 10) {
      stages.add(RolloutRequest.StageRequest.ofPercent(percent));
    }
    awaitEmptyOutbox();
    present(true);
    long begun = System.nanoTime();
    Rollout rollout = rollouts.create(BENCH, request(version, "main", stages));
    double seconds = (System.nanoTime() - begun) / 1e9;
    // The publisher has begun: what it took since counts neither as documents nor as time.
    Cpu cpu = Cpu.now(postmaster);
    long drain = System.nanoTime();
    long waiting = number("select count(*) from desired_outbox");
    awaitEmptyOutbox();
    double drained = (System.nanoTime() - drain) / 1e9;
    Cpu spent = Cpu.now(postmaster).since(cpu);
    // Nobody reads what the broker has: the sweep would publish it again and again.
    present(false);
    long ordered = number("select count(*) from desired_slot where rollout = ?", rollout.id());
    return new Opened(
        seconds,
        (int) ordered,
        waiting / drained,
        spent.jvmMicros() / waiting,
        spent.databaseMicros() / waiting);
  }

  private void present(boolean online) {
    database.run(
        transaction -> transaction.update("update device_presence set online = ?", online));
  }

  private void awaitEmptyOutbox() throws InterruptedException {
    long begun = System.nanoTime();
    // In the publisher's order, by its index: a scan would pass by all that was taken out already.
    while (number(
            "select count(*) from (select 1 from desired_outbox order by queued_at, device limit 1) one")
        > 0) {
      if (System.nanoTime() - begun > DRAINED_WITHIN.toNanos()) {
        throw new IllegalStateException("the outbox did not empty in " + DRAINED_WITHIN);
      }
      Thread.sleep(5);
    }
  }

  /** Ends the rollouts that are under way. */
  public void abort() {
    for (Rollout one : rollouts.newest()) {
      if (one.allowedActions().contains("abort")) {
        rollouts.act(BENCH, one.id(), RolloutAct.ABORT, "measured", OptionalLong.empty());
      }
    }
    engine.tick();
    engine.tick();
  }

  /**
   * Messages of a signed desired document's size that the broker takes a second, sent as fast as it
   * answers, without a database.
   *
   * @param signs whether each is signed before, as the publisher does it
   */
  public BrokerRate brokerRate(int messages, boolean signs) {
    ControlLink link = plane.bean(ControlLink.class);
    byte[] payload = new byte[MESSAGE_BYTES];
    Arrays.fill(payload, (byte) 7);
    SigningKey director = plane.bean(SigningKeys.class).director();
    Cpu cpu = Cpu.now(postmaster);
    long begun = System.nanoTime();
    // As many as the publisher lets wait; it never waits for all of them, so neither does this.
    Deque<CompletableFuture<Void>> unanswered = new ArrayDeque<>();
    for (int message = 1; message <= messages; message++) {
      if (signs && message % SIGNED_AT_ONCE == 1) {
        IntStream.range(0, SIGNED_AT_ONCE)
            .parallel()
            .forEach(unused -> Dsse.sign(DesiredDocument.PAYLOAD_TYPE, payload, director));
      }
      if (unanswered.size() == UNANSWERED_MAX) {
        unanswered.remove().join();
      }
      unanswered.add(
          link.publish(
              Topics.device(
                  new TenantId("default"), new DeviceId("device-" + message), Topics.COMMITTED),
              payload,
              true));
    }
    unanswered.forEach(CompletableFuture::join);
    double seconds = (System.nanoTime() - begun) / 1e9;
    return new BrokerRate(
        messages / seconds, Cpu.now(postmaster).since(cpu).jvmMicros() / messages);
  }

  /** Reports of ordered devices that are decoded, stored, followed and counted a second. */
  public double reportRate(SlotPhase phase) {
    List<byte[]> encoded = new ArrayList<>();
    for (ReportedDocument report : reports("main", phase, Integer.MAX_VALUE)) {
      encoded.add(ProtocolCodec.encode(report));
    }
    long begun = System.nanoTime();
    for (int from = 0; from < encoded.size(); from += REPORTS_A_BATCH) {
      List<byte[]> batch = encoded.subList(from, Math.min(encoded.size(), from + REPORTS_A_BATCH));
      store(batch.stream().map(RolloutScale::decoded).toList());
    }
    return encoded.size() / ((System.nanoTime() - begun) / 1e9);
  }

  private static ReportedDocument decoded(byte[] encoded) {
    try {
      return ProtocolCodec.decodeReported(encoded);
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException(e);
    }
  }

  private void store(List<ReportedDocument> reports) {
    database.run(transaction -> plane.bean(DeviceReports.class).store(transaction, reports));
  }

  private record Ordered(
      String device, long revision, Generation generation, ModelVersion version, String manifest) {}

  private List<ReportedDocument> reports(String slot, SlotPhase phase, int limit) {
    List<Ordered> orders =
        database.call(
            transaction ->
                transaction.list(
                    """
                    select o.*, d.term, d.counter from desired_slot o join desired d using (device)
                    where o.slot = ? order by o.device limit ?
                    """,
                    row ->
                        new Ordered(
                            row.text("device"),
                            row.bigint("revision"),
                            new Generation(row.bigint("term"), row.bigint("counter")),
                            RolloutTables.version(row),
                            row.text("manifest")),
                    slot,
                    limit));
    long number = ++sequence;
    Instant now = Instant.now();
    return orders.stream()
        .map(
            order ->
                new ReportedDocument(
                    new TenantId("default"),
                    new DeviceId(order.device()),
                    1,
                    number,
                    now,
                    order.generation(),
                    order.generation(),
                    List.of(slot(slot, phase, order)),
                    FACTS,
                    "bench",
                    Map.of(),
                    health(order.device())))
        .toList();
  }

  // Each agent tells which process it is: that is remembered, for copies of a device's key.
  private static DeviceHealth health(String device) {
    return new DeviceHealth("process-of-" + device, Map.of(), 0, 0, 0, Optional.empty(), 0);
  }

  private static SlotReport slot(String slot, SlotPhase phase, Ordered order) {
    return new SlotReport(
        new SlotId(slot),
        order.revision(),
        phase,
        Optional.empty(),
        Optional.of(Digest.parse(order.manifest())),
        Optional.of(new SlotReport.Running(order.version(), Digest.parse(order.manifest()))),
        Optional.empty(),
        0,
        0);
  }

  /**
   * Starts rollouts in slots of their own, and waits until the broker has their orders; each has
   * opened a stage of so many devices.
   */
  public void startMany(int stageDevices) throws InterruptedException {
    present(true);
    List<RolloutRequest.StageRequest> stages =
        List.of(
            new RolloutRequest.StageRequest(null, stageDevices, null, null, null, null),
            RolloutRequest.StageRequest.ofPercent(100));
    for (int rollout = 0; rollout < ROLLOUTS; rollout++) {
      rollouts.create(BENCH, request(1, "slot-" + rollout, stages));
    }
    present(false);
    // A device whose order is on its way has changed.
    awaitEmptyOutbox();
  }

  /**
   * Milliseconds of a tick over all rollouts, each.
   *
   * @param changed devices that report something new before each tick
   */
  public double[] ticks(int ticks, int changed) {
    engine.tick();
    engine.tick();
    double[] millis = new double[ticks];
    for (int tick = 0; tick < ticks; tick++) {
      if (changed > 0) {
        store(
            reports(
                "slot-" + tick % ROLLOUTS,
                tick % 2 == 0 ? SlotPhase.DOWNLOADING : SlotPhase.VERIFYING,
                changed));
      }
      long begun = System.nanoTime();
      engine.tick();
      millis[tick] = (System.nanoTime() - begun) / 1e6;
    }
    return millis;
  }

  /**
   * Has half of each stage's devices run what their rollout brings; the others are still under way,
   * so that no stage ends. What devices send from now on is evidence.
   */
  public FleetEvidence beginEvidence() {
    for (int rollout = 0; rollout < ROLLOUTS; rollout++) {
      String slot = "slot-" + rollout;
      int half = (int) number("select count(*) / 2 from desired_slot where slot = ?", slot);
      store(reports(slot, SlotPhase.COMMITTED, half));
    }
    // From now on only the evidence's own engine ticks.
    engine.close();
    return new FleetEvidence(plane, PROFILE, DEVICES, ROLLOUTS);
  }

  private static RolloutRequest request(
      long version, String slot, List<RolloutRequest.StageRequest> stages) {
    return new RolloutRequest(
        MODEL,
        version,
        slot,
        null,
        null,
        null,
        null,
        stages,
        null,
        null,
        null,
        WINDOW_MILLIS,
        null,
        null,
        null,
        null,
        new RolloutRequest.DeadlinesRequest("1h", "1h", "1h", "1h"),
        null,
        null,
        null,
        null,
        null);
  }

  /** Rows of deployments that there are. */
  public long deployments() {
    return number("select count(*) from deployment where live");
  }

  private long number(String sql, @Nullable Object... parameters) {
    return database.<Long>call(transaction -> transaction.number(sql, parameters));
  }

  @Override
  public void close() {
    plane.close();
  }
}
