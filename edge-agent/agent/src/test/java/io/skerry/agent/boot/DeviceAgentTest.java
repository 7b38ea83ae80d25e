package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.agent.TinyOnnx;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.Enrolment;
import io.skerry.agent.identity.TestDevicePort;
import io.skerry.agent.model.CallTimes;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.serve.Feedback;
import io.skerry.agent.serve.FeedbackSink;
import io.skerry.agent.time.DeviceClock;
import io.skerry.agent.uplink.InMemoryLink;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.Tolerance;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.Snapshot;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.Precision;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.protocol.UnitName;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.wire.fleet.v1.Differences;
import io.skerry.wire.fleet.v1.Envelope;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * One device from order to prediction, with the real engine, disk and HTTP; only the link is ours.
 */
@Tag("slow")
class DeviceAgentTest {
  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceId DEVICE = new DeviceId("d1");
  private static final SlotId MAIN = new SlotId("main");
  private static final SlotId TRIAL = new SlotId("trial");
  private static final ModelName MODEL = new ModelName("engine-health");
  private static final SigningKey ROOT = SigningKey.generate();
  private static final SigningKey RELEASE = SigningKey.generate();
  private static final SigningKey DIRECTOR = SigningKey.generate();
  private static final HardwareFacts FACTS =
      HardwareFacts.of("x86-64", List.of("avx2", "fma", "f16c"), List.of());

  @TempDir Path folder;
  private final FragileEngine engine = new FragileEngine();
  private final AgentExecutors executors = AgentExecutors.create();
  private ArtifactServer artifacts;
  private TestDevicePort port;
  private final StringWriter said = new StringWriter();
  private InMemoryLink link = new InMemoryLink();
  private DeviceAgent agent;
  private byte[] labels = "[]".getBytes(StandardCharsets.UTF_8);

  @BeforeEach
  void start() throws Exception {
    artifacts = new ArtifactServer();
    port = new TestDevicePort(ROOT, RELEASE, DIRECTOR);
    enrol();
    agent = startAgent();
  }

  @AfterEach
  void stop() {
    agent.close();
    artifacts.close();
    port.close();
    executors.close();
  }

  private DeviceAgent startAgent() throws IOException {
    return startAgent(InstantSource.system());
  }

  private DeviceAgent startAgent(InstantSource clock) throws IOException {
    DeviceAgent started = startOn(Disk.local(), clock);
    Instant now = Instant.now();
    link.deliver(
        Topics.controlState(TENANT),
        wire(
            new Snapshot(now.toEpochMilli(), now, now.plus(Duration.ofDays(1)), 1, Map.of())
                .signedBy(ROOT)));
    return started;
  }

  private Path device() {
    return folder.resolve("device");
  }

  private void enrol() throws Exception {
    new Enrolment(
            Disk.local(),
            device(),
            Optional.empty(),
            DeviceClock.open(Disk.local(), device(), Instant.EPOCH))
        .enrol(
            port.token(), new Enrolment.Applicant(DEVICE, Map.of(), DeviceAgent.toProtocol(FACTS)));
  }

  private void restart() throws IOException {
    agent.close();
    link = new InMemoryLink();
    agent = startAgent();
  }

  private OciLayout artifact(int version, String profile, SigningKey key, float golden)
      throws IOException {
    Path model = TinyOnnx.scale(folder.resolve("v" + version + ".onnx"), version);
    float[][] rows = {{1, 2, 3}, {2, 3, 4}, {3, 4, 5}};
    OciLayout layout =
        new ArtifactWriter(
                new ModelVersion(MODEL, version),
                new ProfileId(profile),
                Engine.ONNXRUNTIME,
                Precision.FP32,
                version,
                new ModelSignature(
                    List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 3L))),
                    List.of(new TensorSpec("output", ElementType.FP32, List.of(-1L, 3L)))))
            .add(LayerType.MODEL_ONNX, "model.onnx", Files.readAllBytes(model))
            .add(
                new GoldenSet(
                    new Tolerance(1e-4, 0),
                    List.of(
                        new GoldenCase(
                            List.of(GoldenTensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3)),
                            List.of(
                                GoldenTensor.ofFloats(
                                    "output", List.of(1L, 3L), golden, 2 * golden, 3 * golden))))))
            .add(
                LayerType.MONITORING,
                "monitoring.pb",
                MonitoringManifests.fromReference(
                        "input",
                        List.of(
                            new MonitoringManifests.Feature("a", 0),
                            new MonitoringManifests.Feature("b", 1)),
                        new float[][] {
                          {rows[0][0], rows[0][1]},
                          {rows[1][0], rows[1][1]},
                          {rows[2][0], rows[2][1]}
                        },
                        "output",
                        new float[] {.1f, .2f, .3f},
                        0.5)
                    .toByteArray())
            .add(LayerType.LABELS, "labels.json", labels)
            .write(folder.resolve("artifact" + version), key);
    artifacts.add(layout.folder());
    return layout;
  }

  private OciLayout artifact(int version) throws IOException {
    return artifact(version, "x86-64-avx2", RELEASE, version);
  }

  private void order(long counter, int version, OciLayout artifact) {
    order(counter, version, artifact, DIRECTOR);
  }

  private void order(long counter, int version, OciLayout artifact, SigningKey key) {
    order(counter, version, artifact, key, TENANT, DEVICE);
  }

  private void order(
      long counter,
      int version,
      OciLayout artifact,
      SigningKey key,
      TenantId tenant,
      DeviceId device) {
    DesiredSlot slot = desired(MAIN, counter, version, artifact);
    deliver(counter, List.of(slot), key, tenant, device);
  }

  private DesiredSlot desired(SlotId slot, long revision, int version, OciLayout artifact) {
    return new DesiredSlot(
        slot,
        revision,
        new ModelVersion(MODEL, version),
        artifact.model(),
        artifact.signature(),
        artifacts.base(),
        Optional.empty(),
        new SamplingRates(1, 1),
        Duration.ofMillis(500),
        2,
        Duration.ofMinutes(1));
  }

  private void order(long counter, DesiredSlot... slots) {
    deliver(counter, List.of(slots), DIRECTOR, TENANT, DEVICE);
  }

  private void deliver(
      long counter, List<DesiredSlot> slots, SigningKey key, TenantId tenant, DeviceId device) {
    byte[] document =
        ProtocolCodec.encode(
            new DesiredDocument(tenant, device, new Generation(1, counter), Instant.now(), slots));
    DsseEnvelope signed = Dsse.sign(DesiredDocument.PAYLOAD_TYPE, document, key);
    link.deliver(Topics.device(TENANT, DEVICE, Topics.DESIRED), wire(signed));
  }

  private static byte[] wire(DsseEnvelope signed) {
    return Envelope.newBuilder()
        .setPayloadType(signed.payloadType())
        .setPayload(ByteString.copyFrom(signed.unverifiedPayload()))
        .addSignatures(
            Envelope.Signature.newBuilder()
                .setKeyId(signed.signatures().getFirst().keyId())
                .setSignature(ByteString.copyFrom(signed.signatures().getFirst().signature())))
        .build()
        .toByteArray();
  }

  private SlotReport slot() {
    return agent.status().slots().getFirst();
  }

  private Prediction predict() throws PredictException {
    return agent
        .predictor()
        .predict(
            PredictRequest.of(
                MODEL, "mine", List.of(Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3))));
  }

  private void awaitPhase(SlotPhase phase) {
    await(() -> !agent.status().slots().isEmpty() && slot().phase() == phase, () -> slot() + "");
  }

  private static void await(BooleanSupplier condition, Supplier<String> state) {
    Instant end = Instant.now().plusSeconds(20);
    while (!condition.getAsBoolean()) {
      assertThat(Instant.now()).as(state).isBefore(end);
      LockSupport.parkNanos(10_000_000);
    }
  }

  private void commitFirst() throws IOException, PredictException {
    order(1, 1, artifact(1));
    awaitPhase(SlotPhase.PROBATION);
    predict();
    predict();
    awaitPhase(SlotPhase.COMMITTED);
  }

  private List<Record> records(RecordStream stream) {
    return link.published().stream()
        .filter(message -> message.topic().equals(Topics.records(TENANT, DEVICE, stream)))
        .flatMap(
            message -> {
              try {
                return RecordBatch.parseFrom(message.payload()).getRecordsList().stream();
              } catch (InvalidProtocolBufferException e) {
                throw new AssertionError(e);
              }
            })
        .toList();
  }

  @Test
  void carriesAnOrderOutAndServes() throws Exception {
    commitFirst();

    assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
    assertThat(slot().running().orElseThrow().version()).hasToString("engine-health@1");
    assertThat(agent.status().applied()).isEqualTo(new Generation(1, 1));
    assertThat(artifacts.authorizations).containsOnly("null");
  }

  /** As after a power cut that came at the wrong moment, or a disk that goes. */
  @Test
  void startsWithAHalfWrittenSpoolKeyAndCountsWhatItSealed() throws Exception {
    commitFirst();
    agent.close();
    Path key = device().resolve("spool-key");
    byte[] whole = Files.readAllBytes(key);
    Files.write(key, Arrays.copyOf(whole, whole.length / 2));

    link = new InMemoryLink();
    agent = startAgent();

    assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
    await(() -> agent.status().damaged() > 0, () -> agent.status() + "");
    assertThat(Files.readAllBytes(key)).hasSameSizeAs(whole).isNotEqualTo(whole);
  }

  private static DesiredSlot beside(DesiredSlot order, boolean shadow, double share) {
    SlotMode.Trial trial = new SlotMode.Trial(MAIN, share);
    return order.withMode(shadow ? new SlotMode.Shadow(trial) : new SlotMode.Ab(trial));
  }

  private SlotPhase phase(SlotId slot) {
    return agent.status().slots().stream()
        .filter(report -> report.slot().equals(slot))
        .map(SlotReport::phase)
        .findFirst()
        .orElse(SlotPhase.IDLE);
  }

  private void awaitPhase(SlotId slot, SlotPhase phase) {
    await(() -> phase(slot) == phase, () -> agent.status().slots() + "");
  }

  private long answering(String key) throws PredictException {
    return agent
        .predictor()
        .predict(
            new PredictRequest(
                MODEL,
                Optional.empty(),
                "",
                List.of(Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3)),
                key,
                CallTimes.now()))
        .model()
        .version()
        .version();
  }

  @Test
  void knowsTheNamesOfTheClassesThatTheArtifactBrings() throws Exception {
    labels = "[\"calm\", \"worn\"]".getBytes(StandardCharsets.UTF_8);
    commitFirst();

    assertThat(agent.slots().active().getFirst().traits().labels()).containsExactly("calm", "worn");
  }

  @Test
  void sharesRequestsWithATrialKeyByKeyUntilItIsSwitchedOff() throws Exception {
    commitFirst();
    OciLayout second = artifact(2);
    DesiredSlot trial = beside(desired(TRIAL, 1, 2, second), false, 0.5);
    order(2, trial);
    awaitPhase(TRIAL, SlotPhase.PROBATION);

    Map<String, Long> before = new HashMap<>();
    for (int i = 0; i < 100; i++) {
      before.put("key-" + i, answering("key-" + i));
    }
    awaitPhase(TRIAL, SlotPhase.COMMITTED);

    assertThat(before.values()).contains(1L, 2L);
    for (Map.Entry<String, Long> known : before.entrySet()) {
      assertThat(answering(known.getKey())).isEqualTo(known.getValue());
    }
    restart();
    assertThat(answering("key-0")).isEqualTo(before.get("key-0"));

    order(3, beside(desired(TRIAL, 2, 2, second), false, 1));
    await(
        () -> agent.slots().mode(TRIAL).equals(Optional.of(beside(trial, false, 1).mode())),
        () -> agent.status().slots() + "");
    assertThat(answering("key-0")).isEqualTo(2);

    order(4, desired(TRIAL, 3, 2, second).withMode(new SlotMode.Off()));
    await(() -> agent.slots().active(TRIAL).isEmpty(), () -> agent.status().slots() + "");
    assertThat(phase(TRIAL)).isEqualTo(SlotPhase.COMMITTED);
    assertThat(answering("key-0")).isEqualTo(1);
    restart();
    assertThat(agent.slots().active(TRIAL)).isEmpty();
    assertThat(agent.status().applied()).isEqualTo(new Generation(1, 4));
  }

  @Test
  void tellsHowAShadowDiffersAndNeverLetsItAnswer() throws Exception {
    commitFirst();
    order(2, beside(desired(TRIAL, 1, 4, artifact(4)), true, 1));
    awaitPhase(TRIAL, SlotPhase.PROBATION);

    for (int i = 0; i < 5; i++) {
      assertThat(answering("any")).isEqualTo(1);
    }

    awaitPhase(TRIAL, SlotPhase.COMMITTED);
    await(() -> differences().getCompared() == 5, () -> differences() + "");
    // Version n multiplies its input of 1, 2, 3 by n.
    assertThat(differences().getAbsoluteMax()).isEqualTo(9);
    assertThat(differences().getAbsoluteSum()).isEqualTo(5 * (3 + 6 + 9));
    assertThat(differences().getElements()).isEqualTo(15);
    assertThat(differences().getPrimary().getVersion()).isEqualTo(1);
  }

  private Differences differences() {
    Differences.Builder sum = Differences.newBuilder();
    for (Record record : records(RecordStream.WINDOWS)) {
      Differences one = record.getWindow().getDifferences();
      if (one.getCompared() > 0) {
        sum.setPrimary(one.getPrimary())
            .setCompared(sum.getCompared() + one.getCompared())
            .setElements(sum.getElements() + one.getElements())
            .setAbsoluteSum(sum.getAbsoluteSum() + one.getAbsoluteSum())
            .setAbsoluteMax(Math.max(sum.getAbsoluteMax(), one.getAbsoluteMax()));
      }
    }
    return sum.build();
  }

  @Test
  void switchesAUnitTogetherOrNotAtAll() throws Exception {
    UnitName unit = new UnitName("line");
    OciLayout first = artifact(1);
    OciLayout second = artifact(2);
    order(
        1, desired(MAIN, 1, 1, first).withUnit(unit), desired(TRIAL, 1, 2, second).withUnit(unit));
    awaitPhase(MAIN, SlotPhase.PROBATION);
    awaitPhase(TRIAL, SlotPhase.PROBATION);
    // Only one of the two has proved itself: neither commits.
    answering("a");
    answering("a");
    await(
        () -> slot().predictions() + agent.status().slots().getLast().predictions() == 2,
        () -> agent.status().slots() + "");
    assertThat(phase(MAIN)).isEqualTo(SlotPhase.PROBATION);
    predictVersion(1);
    predictVersion(1);
    awaitPhase(MAIN, SlotPhase.COMMITTED);
    awaitPhase(TRIAL, SlotPhase.COMMITTED);

    // One of the next two fails its golden inputs: the other must not switch either.
    order(
        2,
        desired(MAIN, 2, 3, artifact(3)).withUnit(unit),
        desired(TRIAL, 2, 4, artifact(4, "x86-64-avx2", RELEASE, 5)).withUnit(unit));
    awaitPhase(TRIAL, SlotPhase.REJECTED);
    awaitPhase(MAIN, SlotPhase.FAILED);
    assertThat(agent.status().slots().getFirst().error().orElseThrow().code())
        .isEqualTo(ErrorCode.UNIT_BROKEN);
    assertThat(versions()).containsExactly(1L, 2L);

    // Both switch; one goes bad on probation: both go back, at one moment.
    order(
        3,
        desired(MAIN, 3, 3, artifact(3)).withUnit(unit),
        desired(TRIAL, 3, 4, artifact(4)).withUnit(unit));
    awaitPhase(TRIAL, SlotPhase.PROBATION);
    assertThat(versions()).containsExactly(3L, 4L);
    engine.broken = true;
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> predictVersion(4)).isInstanceOf(PredictException.class);
    }
    awaitPhase(TRIAL, SlotPhase.ROLLED_BACK);
    engine.broken = false;
    assertThat(phase(MAIN)).isEqualTo(SlotPhase.ROLLED_BACK);
    assertThat(versions()).containsExactly(1L, 2L);
    assertThat(predictVersion(2)).isEqualTo(2);
  }

  @Test
  void noSlotOfAUnitFallsBackAloneWhenItsArtifactWasDamaged() throws Exception {
    commitUnit(1, new UnitName("line-1"), 1, 2);
    commitUnit(2, new UnitName("line-2"), 3, 4);
    agent.close();
    String model = Digest.of(Files.readAllBytes(folder.resolve("v3.onnx"))).hex();
    try (Stream<Path> files = Files.walk(device())) {
      Path blob = files.filter(file -> file.endsWith(model)).findFirst().orElseThrow();
      Files.writeString(blob, "damaged");
    }

    restart();
    List<Long> atStart = versions();
    awaitPhase(MAIN, SlotPhase.PROBATION);
    predictVersion(3);
    predictVersion(3);
    awaitPhase(MAIN, SlotPhase.COMMITTED);

    assertThat(atStart).contains(4L).doesNotContain(1L);
    assertThat(versions()).containsExactly(3L, 4L);
  }

  private void commitUnit(long counter, UnitName unit, int main, int trial) throws Exception {
    order(
        counter,
        desired(MAIN, counter, main, artifact(main)).withUnit(unit),
        desired(TRIAL, counter, trial, artifact(trial)).withUnit(unit));
    awaitPhase(MAIN, SlotPhase.PROBATION);
    awaitPhase(TRIAL, SlotPhase.PROBATION);
    for (long version : List.of(main, main, trial, trial)) {
      predictVersion(version);
    }
    awaitPhase(MAIN, SlotPhase.COMMITTED);
    awaitPhase(TRIAL, SlotPhase.COMMITTED);
  }

  @Test
  void leavesNoUnprovenVersionBehindWhenAUnitGoesBack() throws Exception {
    commitFirst();
    DesiredSlot main = desired(MAIN, 1, 1, artifact(1));
    order(2, main, desired(TRIAL, 1, 2, artifact(2)));
    awaitPhase(TRIAL, SlotPhase.PROBATION);
    UnitName unit = new UnitName("line");
    order(
        3,
        desired(MAIN, 2, 3, artifact(3)).withUnit(unit),
        desired(TRIAL, 2, 4, artifact(4)).withUnit(unit));
    awaitPhase(MAIN, SlotPhase.PROBATION);
    await(() -> versions().equals(List.of(3L, 4L)), () -> versions() + "");

    engine.broken = true;
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> predictVersion(4)).isInstanceOf(PredictException.class);
    }
    awaitPhase(TRIAL, SlotPhase.ROLLED_BACK);
    engine.broken = false;

    // Version 2 never proved itself.
    assertThat(versions()).containsExactly(1L);

    order(
        4,
        desired(MAIN, 3, 5, artifact(5)).withUnit(unit),
        desired(TRIAL, 3, 6, artifact(6)).withUnit(unit));
    await(() -> versions().equals(List.of(5L, 6L)), () -> versions() + "");
    order(
        5,
        desired(MAIN, 4, 7, artifact(7)).withUnit(unit),
        desired(TRIAL, 4, 8, artifact(8, "x86-64-avx2", RELEASE, 5)).withUnit(unit));
    awaitPhase(TRIAL, SlotPhase.REJECTED);
    awaitPhase(MAIN, SlotPhase.FAILED);

    // Version 6 would answer beside version 1, which knows nothing of it.
    assertThat(versions()).containsExactly(1L);
  }

  private List<Long> versions() {
    return agent.slots().active().stream().map(model -> model.version().version()).toList();
  }

  private long predictVersion(long version) throws PredictException {
    return agent
        .predictor()
        .predict(
            new PredictRequest(
                MODEL,
                Optional.of(version),
                "",
                List.of(Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3))))
        .model()
        .version()
        .version();
  }

  @Test
  void goesOnWithADownloadThatWasCutAfterTheLastWholeChunk() throws Exception {
    labels = new byte[5 << 19];
    new Random(1).nextBytes(labels);
    artifacts.bytesPerAnswerMax = 3 << 19;

    order(1, 1, artifact(1));
    awaitPhase(SlotPhase.PROBATION);

    assertThat(artifacts.ranges).containsExactly("bytes=1048576-");
  }

  @Test
  void servesTheProvenVersionAfterARestartWithoutAnyNetwork() throws Exception {
    commitFirst();
    artifacts.close();
    restart();

    assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
    assertThat(slot().phase()).isEqualTo(SlotPhase.COMMITTED);
    assertThat(agent.status().bootEpoch()).isEqualTo(43);
  }

  @Test
  void servesWhatIsProvenFromADiskThatCannotBeWrittenAndConnectsOnceItCan() throws Exception {
    commitFirst();
    agent.close();
    link = new InMemoryLink();
    AtomicBoolean refuses = new AtomicBoolean(true);

    agent = startOn(refusing(refuses), InstantSource.system());

    assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
    assertThat(agent.status().telemetryFault())
        .hasValueSatisfying(
            fault ->
                assertThat(fault)
                    .startsWith("the boot epoch cannot be kept, so nothing is recorded or sent")
                    .contains("worn out", "make its disk writable"));
    assertThatThrownBy(() -> link.connect()).hasMessage("link is not started");

    refuses.set(false);

    await(() -> agent.status().telemetryFault().isEmpty(), () -> "telemetry stays off");
    await(() -> !link.published().isEmpty(), () -> "nothing was sent");
    assertThat(agent.status().bootEpoch()).isEqualTo(43);
  }

  @Test
  void startsFromAFileSystemThatIsReadOnlyOrFull() throws Exception {
    commitFirst();
    agent.close();
    Path kept = Files.move(device(), folder.resolve("kept"));
    Files.createDirectory(device());
    assumeThat(run("mount", "-t", "tmpfs", "-o", "mode=700,size=8m", "tmpfs", device()))
        .as("who may not mount a file system cannot try this")
        .isZero();
    try {
      assertThat(run("cp", "-a", kept + "/.", device())).isZero();
      for (Path filler : List.of(device().resolve("none"), device().resolve("filler"))) {
        boolean full = filler.endsWith("filler");
        if (full) {
          fill(filler);
        } else {
          assertThat(run("mount", "-o", "remount,ro", device())).isZero();
        }
        link = new InMemoryLink();
        agent = startOn(Disk.local(), InstantSource.system());

        assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
        assertThat(agent.status().telemetryFault()).isPresent();
        assertThatThrownBy(this::startAgent).hasMessageStartingWith("another agent runs");

        assertThat(full ? run("rm", filler) : run("mount", "-o", "remount,rw", device())).isZero();
        await(() -> agent.status().telemetryFault().isEmpty(), () -> "telemetry stays off");
        await(() -> !link.published().isEmpty(), () -> "nothing was sent");
        agent.close();
      }
    } finally {
      run("umount", "-l", device());
    }
  }

  private static void fill(Path file) throws IOException {
    byte[] page = new byte[4096];
    try (OutputStream out = Files.newOutputStream(file)) {
      while (true) {
        out.write(page);
      }
    } catch (IOException full) {
      assertThat(Files.getFileStore(file).getUsableSpace()).isLessThan(page.length);
    }
  }

  private static int run(Object... command) throws Exception {
    return new ProcessBuilder(Stream.of(command).map(Object::toString).toList())
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }

  private DeviceAgent startOn(Disk disk, InstantSource clock) throws IOException {
    return DeviceAgent.start(
        DeviceAgentConfig.of(
                device(),
                DeviceIdentity.load(Disk.local(), device()),
                FACTS,
                engine.catalog(),
                executors)
            .with(disk, clock),
        (config, time) -> link);
  }

  /** The machine's disk, which can be read all the time. */
  private static Disk refusing(AtomicBoolean refuses) {
    return (Disk)
        Proxy.newProxyInstance(
            Disk.class.getClassLoader(),
            new Class<?>[] {Disk.class},
            (proxy, method, arguments) -> {
              boolean changes =
                  switch (method.getName()) {
                    case "open" -> arguments[1] != Disk.Opening.READ;
                    case "createFolders", "move", "delete", "forceFolder" -> true;
                    default -> false;
                  };
              if (changes && refuses.get()) {
                throw new IOException("worn out");
              }
              try {
                return method.invoke(Disk.local(), arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Test
  void tellsClientsWhatIsOrderedAndDoesNotAnswer() throws Exception {
    assertThat(agent.listing().ready()).isTrue();
    OciLayout first = artifact(1);
    artifacts.spoil(first.signature().hex());
    List<Boolean> told = new CopyOnWriteArrayList<>();
    agent.slots().onChange(() -> told.add(agent.listing().ready()));

    order(1, 1, first);
    awaitPhase(SlotPhase.REJECTED);

    assertThat(agent.listing().ready()).isFalse();
    assertThat(told).as("health is told, too").containsExactly(false);
    assertThat(agent.listing().entries())
        .singleElement()
        .satisfies(
            entry -> {
              assertThat(entry.model() + "@" + entry.version()).isEqualTo("engine-health@1");
              assertThat(entry.ready()).isFalse();
              assertThat(entry.reason()).startsWith("REJECTED: ARTIFACT_DIGEST_MISMATCH: ");
            });

    order(2, 2, artifact(2));
    awaitPhase(SlotPhase.PROBATION);
    assertThat(agent.listing().ready()).isTrue();
    predict();
    predict();
    awaitPhase(SlotPhase.COMMITTED);
    OciLayout third = artifact(3);
    artifacts.spoil(third.signature().hex());
    order(3, 3, third);
    awaitPhase(SlotPhase.REJECTED);

    assertThat(agent.listing().ready()).as("version 2 answers").isTrue();
    assertThat(agent.listing().entries())
        .extracting(entry -> entry.version() + " " + entry.ready())
        .containsExactly("2 true", "3 false");
  }

  @Test
  void loadsModelsOnThreadsThatHoldUpNothingElse() throws Exception {
    commitFirst();

    assertThat(engine.loadedOnVirtualThread).isFalse();
  }

  @Test
  void refusesACorruptArtifactAndGoesOnServing() throws Exception {
    commitFirst();
    OciLayout second = artifact(2);
    artifacts.spoil(second.signature().hex());
    order(2, 2, second);

    awaitPhase(SlotPhase.REJECTED);

    assertThat(slot().error().orElseThrow().code()).isEqualTo(ErrorCode.ARTIFACT_DIGEST_MISMATCH);
    assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
  }

  @Test
  void refusesWhatAnotherKeySignedOrAnotherBoardNeedsOrFailsItsGoldenInputs() throws Exception {
    commitFirst();
    order(2, 2, artifact(2, "x86-64-avx2", SigningKey.generate(), 2));
    awaitPhase(SlotPhase.REJECTED);
    assertThat(slot().error().orElseThrow().code()).isEqualTo(ErrorCode.ARTIFACT_SIGNATURE_INVALID);

    order(3, 3, artifact(3, "arm64-neon", RELEASE, 3));
    await(() -> slot().revision() == 3 && slot().phase() == SlotPhase.REJECTED, () -> slot() + "");
    assertThat(slot().error().orElseThrow().code()).isEqualTo(ErrorCode.PROFILE_UNSUPPORTED);

    order(4, 4, artifact(4, "x86-64-avx2", RELEASE, 4.5f));
    await(() -> slot().revision() == 4 && slot().phase() == SlotPhase.REJECTED, () -> slot() + "");
    assertThat(slot().error().orElseThrow().code()).isEqualTo(ErrorCode.GOLDEN_MISMATCH);
    assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
  }

  @Test
  void rollsBackWhenEveryPredictionFailsOnProbation() throws Exception {
    commitFirst();
    order(2, 2, artifact(2));
    awaitPhase(SlotPhase.PROBATION);
    engine.broken = true;
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(this::predict).isInstanceOf(PredictException.class);
    }
    engine.broken = false;

    awaitPhase(SlotPhase.ROLLED_BACK);

    assertThat(slot().error().orElseThrow().code()).isEqualTo(ErrorCode.PROBATION_FAILED);
    assertThat(slot().running().orElseThrow().version()).hasToString("engine-health@1");
    assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
  }

  @Test
  void obeysNobodyButTheDirector() throws Exception {
    order(1, 1, artifact(1), RELEASE);

    assertThat(agent.status().slots()).isEmpty();
    assertThat(agent.status().observed()).isEqualTo(Generation.NONE);
    await(() -> !records(RecordStream.EVENTS).isEmpty(), () -> "no event");
    assertThat(records(RecordStream.EVENTS).getFirst().getEvent().getCode())
        .isEqualTo("DESIRED_SIGNATURE_INVALID");
  }

  @Test
  @DisplayName("TUF, Uptane: replay to another device or tenant, and rollback of the generation")
  void refusesOrdersOfOthersAndOldOnes() throws Exception {
    order(5, 1, artifact(1), DIRECTOR, TENANT, new DeviceId("d2"));
    order(6, 1, artifact(1), DIRECTOR, new TenantId("other"), DEVICE);

    assertThat(agent.status().observed()).isEqualTo(Generation.NONE);
    await(() -> records(RecordStream.EVENTS).size() >= 2, () -> "no events");
    assertThat(records(RecordStream.EVENTS))
        .extracting(record -> record.getEvent().getCode())
        .containsOnly("DESIRED_MALFORMED");

    commitFirst();
    order(1, 2, artifact(2));

    assertThat(agent.status().observed()).isEqualTo(new Generation(1, 1));
    assertThat(slot().running().orElseThrow().toString()).contains("@1");
  }

  @Test
  void sendsWindowsSamplesAndJoinedFeedback() throws Exception {
    commitFirst();
    Prediction prediction = predict();
    FeedbackSink.Receipt receipt =
        agent.feedback().submit(new Feedback(prediction.id().value(), "", 1, Instant.now()));

    await(
        () ->
            !records(RecordStream.WINDOWS).isEmpty()
                && records(RecordStream.SAMPLES).size() == 3
                && !records(RecordStream.FEEDBACK).isEmpty(),
        () -> link.published().toString());

    assertThat(receipt).isEqualTo(FeedbackSink.Receipt.JOINED);
    Record feedback = records(RecordStream.FEEDBACK).getFirst();
    assertThat(feedback.getFeedback().getJoined()).isTrue();
    assertThat(feedback.getFeedback().getScore()).isEqualTo(1);
    assertThat(feedback.getFeedback().getModel().getVersion()).isEqualTo(1);
    assertThat(
            records(RecordStream.WINDOWS).stream()
                .mapToLong(record -> record.getWindow().getPredictions())
                .sum())
        .isPositive();
    assertThat(records(RecordStream.SAMPLES).getFirst().getSample().getInputs(0).getShapeList())
        .containsExactly(1L, 3L);
  }

  @Test
  void servesWithAWrongClockADamagedKeyAndNobodyToAsk() throws Exception {
    commitFirst();
    agent.close();
    port.close();
    artifacts.close();
    Files.writeString(device().resolve("keys").resolve("key-1.p12"), "damaged");

    agent = startAgent(() -> Instant.EPOCH);

    assertThat(predict().outputs().getFirst().floats()).containsExactly(1, 2, 3);
    assertThat(agent.status().login().fault()).contains("skerry agent enroll --again");
    assertThat(agent.status().clock().corrected().isNegative()).isFalse();
  }

  @Test
  void tellsTheAgeOfEverythingWhileItRunsAndAfterwards() throws Exception {
    commitFirst();
    StatusFile file = new StatusFile(Disk.local(), device());
    file.listening(List.of("unix:/run/skerry/cam.sock (cam)"));
    file.write(agent.status());

    assertThat(statusCommand()).isZero();
    assertThat(said.toString())
        .contains("listens     unix:/run/skerry/cam.sock (cam)")
        .contains("agent       running")
        .contains("boot 42")
        .contains("runs engine-health@1 since ")
        .contains("trust       root 1 expires in ")
        .contains("certificate expires in 29 d, renewal due in ")
        .contains("clock       system says ");

    agent.close();
    AgentStatus last = agent.status();
    Files.writeString(
        device().resolve("status.json"),
        Files.readString(device().resolve("status.json"))
            .replace(last.startedAt().toString(), "2020-01-01T00:00:00Z")
            .replaceFirst("\"at\":\"[^\"]*", "\"at\":\"2020-01-01T00:00:00Z"));
    said.getBuffer().setLength(0);

    assertThat(statusCommand()).isEqualTo(ExitCode.FAILED);
    assertThat(said.toString())
        .contains("NOT RUNNING; what it told last is as of ")
        .contains("runs engine-health@1")
        .contains("certificate expires in 29 d");
  }

  private int statusCommand() {
    PrintWriter out = new PrintWriter(said, true);
    return Main.execute(out, out, "status", "--data-dir", device().toString());
  }

  @Test
  void refusesASecondAgentOnTheSameFolder() {
    assertThatThrownBy(this::startAgent)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("another agent");
  }
}
