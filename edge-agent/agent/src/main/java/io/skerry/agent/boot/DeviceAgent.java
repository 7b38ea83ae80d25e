package io.skerry.agent.boot;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.DeviceLogin;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.observe.DayBytes;
import io.skerry.agent.observe.Observer;
import io.skerry.agent.observe.PseudonymKey;
import io.skerry.agent.serve.FeedbackSink;
import io.skerry.agent.serve.ModelListing;
import io.skerry.agent.time.DeviceClock;
import io.skerry.agent.trust.TrustRefresh;
import io.skerry.agent.trust.TrustStore;
import io.skerry.agent.update.MemoryMeter;
import io.skerry.agent.update.UpdateSetup;
import io.skerry.agent.update.Updater;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.PahoLink;
import io.skerry.agent.uplink.ReportCadence;
import io.skerry.agent.uplink.Spool;
import io.skerry.agent.uplink.SpoolSeal;
import io.skerry.agent.uplink.Uplink;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Snapshot;
import io.skerry.artifact.trust.Trust;
import io.skerry.artifact.trust.TrustException;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareFacts;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.Generation;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One enrolled device: runs what the control plane orders, answers predictions, and tells what it
 * saw. Many can live in one process; each has a data folder of its own.
 *
 * <p>Thread-safe.
 */
public final class DeviceAgent implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DeviceAgent.class);

  private static final String MODELS = "models";
  private static final long OBSERVE_EVERY_MILLIS = 100;
  private static final long UPDATE_EVERY_MILLIS = 200;
  private static final long SEND_EVERY_MILLIS = 250;
  private static final long TRUST_EVERY_MILLIS = 1000;
  private static final long LOGIN_EVERY_MILLIS = 1000;
  private static final long CONNECT_EVERY_MILLIS = 1000;

  private final DeviceAgentConfig config;
  private final DeviceClock clock;
  private final String instance;
  private final String system = FactsProbe.detectSystem();
  private final DeviceLogin login;
  private final TrustStore trust;
  private final RunningSince running;
  private final FolderLock lock;
  private final BootEpoch bootEpoch;
  private final Instant startedAt;
  private final ModelSlots slots;
  private final Observer observer;
  private final Predictor predictor;
  private final Updater updater;
  private final TrustRefresh trustRefresh;
  private final ControlReach reach;
  private final Uplink uplink;
  private final DeviceFacts facts;
  private volatile Optional<Instant> desiredAt = Optional.empty();
  private volatile Optional<String> telemetryFault = Optional.empty();
  private boolean connected;
  private volatile boolean closed;
  private List<AgentExecutors.Repetition> tasks = List.of();

  /** Makes the link, so that tests can put another one in. */
  interface LinkMaker {
    DeviceLink make(LinkConfig config, InstantSource clock);
  }

  private DeviceAgent(DeviceAgentConfig config, FolderLock lock, LinkMaker links)
      throws IOException {
    this.config = config;
    this.lock = lock;
    this.clock =
        DeviceClock.open(
            config.disk(),
            config.dataDir(),
            AgentVersion.builtAt(),
            config.clock(),
            System::nanoTime);
    this.startedAt = clock.instant();
    this.instance = HexFormat.of().toHexDigits(new SecureRandom().nextLong());
    DeviceIdentity identity = config.identity();
    this.bootEpoch =
        BootEpoch.begin(config.disk(), config.dataDir(), spoolFolder(), identity.bootEpochSeen());
    this.facts = toProtocol(config.facts());
    Spool spool =
        Spool.open(
            config.disk(),
            spoolFolder(),
            SpoolSeal.of(config.disk(), config.dataDir(), identity.tenant(), new SecureRandom()),
            this::keepEpoch,
            bootEpoch.number(),
            config.spoolBytesMax());
    this.slots = new ModelSlots(config.executors().work());
    MemoryMeter memory = MemoryMeter.ofLinux();
    this.observer =
        new Observer(
            clock,
            config.ringCapacity(),
            Observer.RECENT_MAX,
            new SpoolKeeper(spool),
            PseudonymKey.open(config.disk(), config.dataDir(), new SecureRandom()),
            DayBytes.open(config.disk(), config.dataDir()),
            () -> memory.resident().orElse(0),
            new SpooledWindows(spool));
    this.predictor = new Predictor(slots, clock, new SecureRandom(), observer);
    this.trust =
        TrustStore.open(
            config.disk(),
            config.dataDir().resolve("trust"),
            identity.rootFingerprint(),
            identity.roots());
    this.login =
        DeviceLogin.open(
            config.disk(), config.dataDir(), identity, clock, trust, config.executors().work());
    this.reach = new ControlReach(login::askTime, config.executors().work(), System::nanoTime);
    this.trustRefresh =
        new TrustRefresh(
            trust,
            identity.controlBase(),
            login::http,
            clock,
            at -> clock.passed(at, trust.get().root().snapshot().id()),
            refusal ->
                observer.event(
                    TelemetryRecords.event(
                        clock.instant(),
                        refusal.code().name(),
                        String.valueOf(refusal.getMessage()),
                        Map.of())));
    this.updater =
        new Updater(
            new UpdateSetup(
                config.disk(),
                config.dataDir().resolve(MODELS),
                identity.tenant(),
                identity.device(),
                trust,
                config.facts(),
                config.profiles(),
                config.engines(),
                config.threadsMax(),
                slots,
                login::http,
                config.executors().work(),
                config.executors().loads(),
                clock,
                System::nanoTime,
                memory),
            observer,
            observer::event);
    this.running = new RunningSince(slots, clock);
    DeviceLink link =
        links.make(
            new LinkConfig(
                    identity.mqttHost(),
                    identity.mqttPort(),
                    identity.tenant(),
                    identity.device(),
                    login::forLink,
                    bootEpoch.number(),
                    instance)
                .with(() -> observer.upkeep().keepAlive()),
            clock);
    this.uplink =
        new Uplink(
            link,
            spool,
            identity.tenant(),
            identity.device(),
            clock,
            () -> ReportCadence.of(observer.upkeep()),
            observer::bytesPerDay,
            this::desired,
            this::report);
    uplink.onControlState(trustRefresh::received);
    uplink.onEvent(observer::event);
    uplink.onConnected(login::connected);
    login.whenRenewed(link::reconnect);
  }

  private record SpoolKeeper(Spool spool) implements Observer.RecordKeeper {
    @Override
    public boolean keep(RecordStream stream, Record record) {
      return spool.append(stream, record);
    }

    @Override
    public void leaveOut(RecordStream stream, Record record) {
      spool.leaveOut(stream);
    }
  }

  private void desired(byte[] payload) {
    Generation before = updater.observed();
    updater.desired(payload);
    if (!updater.observed().equals(before)) {
      desiredAt = Optional.of(clock.instant());
    }
  }

  /**
   * Starts an agent: what it served last answers before this returns, then it connects. A disk that
   * cannot be written stops neither: what is proven is served, nothing is recorded, and it connects
   * once the disk can be written.
   *
   * @throws IOException if the data folder cannot be read, or another agent uses it
   * @throws TrustException if the identity's root is not the one that its token named
   */
  public static DeviceAgent start(DeviceAgentConfig config) throws IOException {
    return start(
        config,
        (link, clock) ->
            new PahoLink(link, clock, RandomGenerator.getDefault(), config.executors().work()));
  }

  static DeviceAgent start(DeviceAgentConfig config, LinkMaker links) throws IOException {
    Disk.local().createFolders(config.dataDir());
    FolderLock lock = FolderLock.of(config.dataDir());
    try {
      DeviceAgent agent = new DeviceAgent(config, lock, links);
      agent.begin();
      return agent;
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  private Path spoolFolder() {
    return config.dataDir().resolve("spool");
  }

  /** Where a device with this data folder keeps what engines compile for it. */
  static Path compiled(Path dataDir) {
    return Updater.compiled(dataDir.resolve(MODELS));
  }

  private void begin() {
    updater.start();
    connect();
    String device = config.identity().device().value();
    AgentExecutors executors = config.executors();
    tasks =
        List.of(
            executors.every(OBSERVE_EVERY_MILLIS, "observe " + device, observer::tick),
            executors.every(UPDATE_EVERY_MILLIS, "update " + device, this::update),
            executors.every(SEND_EVERY_MILLIS, "send " + device, uplink::tick),
            executors.every(TRUST_EVERY_MILLIS, "trust " + device, this::refreshTrust),
            executors.every(LOGIN_EVERY_MILLIS, "login " + device, this::careForLogin),
            executors.every(CONNECT_EVERY_MILLIS, "connect " + device, this::connect));
  }

  /** Nothing may leave under a number that the next start would use again. */
  private void connect() {
    if (connected || closed) {
      return;
    }
    try {
      keepEpoch();
    } catch (IOException e) {
      if (closed) {
        return;
      }
      if (telemetryFault.isEmpty()) {
        log.atError()
            .addKeyValue("device", config.identity().device())
            .setCause(e)
            .log(
                "the boot epoch cannot be kept: what is proven is served, and nothing recorded or"
                    + " sent");
      }
      telemetryFault =
          Optional.of("the boot epoch cannot be kept, so nothing is recorded or sent: " + e);
      return;
    }
    telemetryFault = Optional.empty();
    connected = true;
    uplink.start();
  }

  private void keepEpoch() throws IOException {
    synchronized (lock) {
      lock.hold();
      bootEpoch.keep();
    }
  }

  private void update() {
    updater.tick(
        reach.isReached(
            new ControlReach.Now(
                uplink.state() == DeviceLink.State.CONNECTED,
                uplink.committedAt(),
                updater.switches(),
                updater.needsControlPlane())));
    running.tick();
  }

  private void refreshTrust() {
    // Without a key there is nobody to ask; what was believed stays.
    if (login.isUsable()) {
      trustRefresh.tick();
    }
    RootDocument root = trust.get().root();
    clock.believe(Set.of(root.director().id(), root.snapshot().id()));
  }

  private void careForLogin() {
    try {
      login.tick();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private ReportedDocument report(long sequence) {
    return new ReportedDocument(
        config.identity().tenant(),
        config.identity().device(),
        bootEpoch.number(),
        sequence,
        clock.instant(),
        updater.observed(),
        updater.applied(),
        updater.reports(),
        facts,
        AgentVersion.current(),
        uplink.spool().dropped(),
        health());
  }

  private DeviceHealth health() {
    Trust believed = trust.get();
    return new DeviceHealth(
        instance,
        uplink.spool().damaged(),
        uplink.spool().bytes(),
        (int) believed.root().version(),
        believed.snapshot().map(Snapshot::version).orElse(0L),
        Optional.of(login.status().certificate().notAfter()),
        uplink.timesTakenOver(),
        system,
        "Java " + Runtime.version());
  }

  /** Facts as they travel. */
  public static DeviceFacts toProtocol(HardwareFacts facts) {
    return new DeviceFacts(
        facts.arch(),
        facts.cpuFeatures(),
        facts.cores(),
        facts.memoryBytes(),
        facts.accelerators(),
        facts.engines(),
        facts.board());
  }

  /** Answers predictions with whatever is active. */
  public Predictor predictor() {
    return predictor;
  }

  /** Takes actual outcomes. */
  public FeedbackSink feedback() {
    return observer;
  }

  /** What answers in which slot. */
  public ModelSlots slots() {
    return slots;
  }

  /** Where the file of a served version lies; empty when it has gone. */
  public Optional<Path> file(ServingModel model) {
    return updater.file(model.ref());
  }

  /**
   * What answers and what is ordered but does not, for the gRPC server. It is ready when every slot
   * that is to answer requests does, with an earlier version if need be.
   */
  public ModelListing listing() {
    ModelListing answering = ModelListing.ofActive(slots);
    return new ModelListing() {
      @Override
      public List<Entry> entries() {
        List<Entry> all = new ArrayList<>(answering.entries());
        for (Updater.Absent absent : updater.absent()) {
          String model = absent.version().model().value();
          String version = Long.toString(absent.version().version());
          if (all.stream()
              .noneMatch(one -> one.model().equals(model) && one.version().equals(version))) {
            all.add(new Entry(model, version, false, absent.reason()));
          }
        }
        all.sort(
            Comparator.comparing(Entry::model)
                .thenComparing(entry -> entry.version().length())
                .thenComparing(Entry::version));
        return List.copyOf(all);
      }

      @Override
      public boolean ready() {
        return updater.absent().stream().noneMatch(Updater.Absent::required);
      }
    };
  }

  /** How the agent stands. */
  public AgentStatus status() {
    Spool spool = uplink.spool();
    return new AgentStatus(
        config.identity().device().value(),
        instance,
        bootEpoch.number(),
        startedAt,
        clock.instant(),
        uplink.state(),
        uplink.heardAt(),
        uplink.committedAt(),
        updater.observed(),
        updater.applied(),
        desiredAt,
        updater.reports(),
        running.since(),
        spool.appended(),
        spool.waiting(),
        spool.oldestWaiting(),
        spool.dropped(),
        spool.damaged().values().stream().mapToLong(Long::longValue).sum(),
        telemetryFault,
        observer.skipped(),
        believed(trust.get()),
        login.status(),
        clock.reading());
  }

  private static AgentStatus.Believed believed(Trust trust) {
    return new AgentStatus.Believed(
        trust.root().version(),
        trust.root().expires(),
        trust
            .snapshot()
            .map(
                snapshot ->
                    new AgentStatus.BelievedSnapshot(
                        snapshot.version(), snapshot.issuedAt(), snapshot.expiresAt())));
  }

  /**
   * Stops: seals open windows, sends what can be sent at once, keeps the rest on disk. Predictions
   * must have stopped.
   */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    tasks.forEach(AgentExecutors.Repetition::stop);
    updater.close();
    observer.flush();
    uplink.close();
    login.close();
    slots.close();
    lock.close();
  }
}
