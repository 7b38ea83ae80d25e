package io.skerry.agent.update;

import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.artifact.trust.Role;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotReport;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out desired documents, slot by slot: remembers before it acts, acts on its executor, and
 * tells what became of it. What {@link UpdateMachine} decides is done here. While nothing can be
 * remembered, nothing new is begun, and what was remembered last is what is told.
 *
 * <p>Thread-safe; nothing but {@link #start} waits for a model.
 */
public final class Updater implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Updater.class);

  private final UpdateSetup setup;
  private final ModelWatch watch;
  private final ModelSlots slots;
  private final UpdateNews news;
  private final DesiredInbox inbox;
  private final UpdatePolicy policy;
  private final UpdateMachine machine;
  private final UpdateMemoryFile file;
  private final ArtifactLoader loader;
  private final PlanRepairs plans;
  private final SlotSwitch models;
  private final SlotWork work;
  private final UnitSwitches units;
  private final UpdateJobs jobs;
  private final SteadyTime time;
  private final Map<SlotId, SlotState> states = new HashMap<>();
  private final Queue<Wanted> wanted = new ArrayDeque<>();
  private UpdateMemory remembered = UpdateMemory.EMPTY;
  private Generation observed = Generation.NONE;
  private Generation applied = Generation.NONE;
  private Optional<SlotReport.Failure> trouble = Optional.empty();
  private Optional<Role> director = Optional.empty();
  // For those who may not wait for a write.
  private volatile Map<SlotId, SlotState> looked = Map.of();
  private volatile boolean lacking;
  private volatile boolean calm;
  private Instant tickedAt;
  private boolean reachable;
  private boolean closed;

  /**
   * Makes an updater that is not started.
   *
   * @param watch is told of a model before its first prediction
   * @param events takes records of what happened
   */
  public Updater(UpdateSetup setup, ModelWatch watch, Consumer<Record> events) {
    this.setup = setup;
    this.watch = watch;
    this.slots = setup.slots();
    this.news = new UpdateNews(setup, events);
    this.inbox = new DesiredInbox(setup, news);
    this.policy = UpdatePolicy.seeded((setup.tenant() + "/" + setup.device()).hashCode());
    this.machine = new UpdateMachine(policy);
    this.file = new UpdateMemoryFile(setup.disk(), setup.folder());
    this.loader = loader(setup);
    this.plans = new PlanRepairs(loader, new Decider(), news, policy, setup.executor());
    this.models = new SlotSwitch(slots, watch, plans);
    this.work = new SlotWork(loader, models, slots, plans, new Decider());
    this.units = new UnitSwitches(slots, models, this::state, this::change);
    this.jobs = new UpdateJobs(setup.executor(), setup.loads(), this::apply);
    this.time = new SteadyTime(setup.clock());
    this.tickedAt = time.now();
  }

  private static ArtifactLoader loader(UpdateSetup setup) {
    DownloadLimits limits = DownloadLimits.DEFAULTS;
    BlobFolder blobs =
        new BlobFolder(setup.disk(), setup.folder().resolve("blobs").resolve("sha256"));
    return new ArtifactLoader(
        blobs,
        new BlobDownload(
            new BlobRequest(setup.http(), limits.answer()), blobs, limits, setup.nanoTime()),
        limits,
        setup.trust(),
        new ArtifactLoader.Host(
            setup.facts(),
            setup.profiles(),
            setup.engines(),
            setup.threadsMax(),
            setup.memory(),
            compiled(setup.folder())),
        setup.nanoTime());
  }

  /** Where what engines compile for this machine is kept, beside the models. */
  public static Path compiled(Path models) {
    return models.resolve("compiled");
  }

  /**
   * Remembers, and lets the last proven version of every slot answer again, without any network.
   */
  public synchronized void start() {
    // Unknown is not empty: nothing is removed because of it, and the retained document tells all
    // again.
    remembered = file.read(news::lost);
    observed = remembered.observed();
    applied = remembered.applied();
    director = remembered.director();
    states.putAll(remembered.slots());
    List<SlotId> known = List.copyOf(states.keySet());
    for (SlotId slot : known) {
      if (!state(slot).fallbacks().isEmpty()) {
        change(slot, new UpdateEvent.Loading());
      }
    }
    // Written before anything is loaded: what kills the agent is known afterwards.
    carryOut();
    for (SlotId slot : known) {
      change(slot, new UpdateEvent.Started(restoredFromDisk(slot)));
    }
    carryOut();
  }

  private Optional<DesiredSlot> restoredFromDisk(SlotId slot) {
    SlotState state = state(slot);
    return state.startable(policy.killers(state.loads())).stream()
        .filter(this::startKnown)
        .findFirst();
  }

  private boolean startKnown(DesiredSlot version) {
    try {
      models.activate(loader.loadKnown(version), false);
      return true;
    } catch (UpdateException
        | RuntimeException
        | OutOfMemoryError
        | StackOverflowError
        | LinkageError e) {
      // The other slots answer all the same.
      log.atError()
          .addKeyValue("slot", version.slot())
          .addKeyValue("version", version.version())
          .setCause(e)
          .log("proven version cannot be started");
      return false;
    }
  }

  /** Takes a message of the desired topic: a signed envelope. */
  public void desired(byte[] payload) {
    inbox.open(payload).ifPresent(this::accept);
  }

  private synchronized void accept(DesiredInbox.Opened opened) {
    DesiredDocument document = opened.document();
    forgetRotatedAway(opened.director());
    if (closed) {
      return;
    }
    Instant now = setup.clock().instant();
    boolean isNew = document.generation().isAfter(observed);
    if (isNew && document.isExpired(now)) {
      inbox.expired(opened, now);
      return;
    }
    inbox.obeyed(opened);
    if (!isNew) {
      return;
    }
    observed = document.generation();
    for (DesiredSlot order : document.slots()) {
      staysOn(order);
      change(order.slot(), new UpdateEvent.Ordered(document.generation(), order));
    }
    carryOut();
  }

  // A switch-off waits while nothing can be remembered. Once a newer order wants the slot to answer
  // it would only make the device dark.
  private void staysOn(DesiredSlot order) {
    if (order.mode() instanceof SlotMode.Off) {
      return;
    }
    Optional<UpdateEffect.Unload> waiting =
        wanted.stream()
            .filter(one -> one.slot().equals(order.slot()))
            .map(Wanted::effect)
            .filter(UpdateEffect.Unload.class::isInstance)
            .map(UpdateEffect.Unload.class::cast)
            .findFirst();
    if (waiting.isPresent()) {
      wanted.removeIf(one -> one.slot().equals(order.slot()) && isOfSwitchOff(one.effect()));
      change(order.slot(), new UpdateEvent.StaysOn(waiting.get().before()));
    }
  }

  private static boolean isOfSwitchOff(UpdateEffect effect) {
    return effect instanceof UpdateEffect.Unload
        || (effect
                instanceof UpdateEffect.Announce(DesiredSlot order, Optional<SlotReport.Failure> _)
            && order.mode() instanceof SlotMode.Off);
  }

  // A thief's huge generation must not outlive the stolen key: devices would never obey again.
  private void forgetRotatedAway(Role now) {
    if (director.filter(before -> before.isRotatedBy(now)).isPresent()) {
      log.atWarn().addKeyValue("device", setup.device()).log("director rotated, orders begin anew");
      observed = Generation.NONE;
      applied = Generation.NONE;
      states.replaceAll((slot, state) -> state.withGeneration(Generation.NONE));
    }
    director = Optional.of(now);
  }

  /**
   * Lets time pass: retries, timers, probation. Call a few times a second.
   *
   * @param controlPlaneReachable whether the control plane itself was reached since the last switch
   *     of models, and not long ago
   */
  public synchronized void tick(boolean controlPlaneReachable) {
    if (closed) {
      return;
    }
    reachable = controlPlaneReachable;
    inbox.again().ifPresent(this::desired);
    Instant now = time.now();
    Duration held = trouble.isPresent() ? Duration.between(tickedAt, now) : Duration.ZERO;
    tickedAt = now;
    for (SlotId slot : List.copyOf(states.keySet())) {
      if (!held.isZero()) {
        change(slot, new UpdateEvent.Held(held, isWaiting(slot)));
      }
      SlotState state = state(slot);
      if (state.step() instanceof Step.Probation || state.step() instanceof Step.Proved) {
        Optional<ServingModel> model =
            slots.active(slot).filter(active -> isOrdered(active, state));
        long failed = model.map(ServingModel::predictionsFailed).orElse(0L);
        long all = model.map(ServingModel::predictions).orElse(0L);
        change(slot, new UpdateEvent.Counted(Math.max(0, all - failed), failed));
      }
      change(slot, new UpdateEvent.Ticked());
    }
    carryOut();
    // Nothing is fetched beside an order: it may be of the same files.
    if (controlPlaneReachable && isCalm()) {
      plans.tick(now);
    }
  }

  // What is begun is remembered first: until then nobody works at it.
  private boolean isWaiting(SlotId slot) {
    return wanted.stream()
        .filter(one -> one.slot().equals(slot))
        .map(Wanted::effect)
        .anyMatch(
            effect ->
                effect instanceof UpdateEffect.Activate || effect instanceof UpdateEffect.Repair);
  }

  private static boolean isOrdered(ServingModel model, SlotState state) {
    return state.order().filter(order -> order.manifest().equals(model.manifest())).isPresent();
  }

  private synchronized void apply(SlotId slot, UpdateEvent event) {
    change(slot, event);
    carryOut();
  }

  private void change(SlotId slot, UpdateEvent event) {
    if (closed) {
      return;
    }
    boolean fresh = setup.trust().get().isFresh(setup.clock().instant());
    UpdateMachine.Transition transition =
        machine.on(state(slot), event, new UpdateMachine.Situation(time.now(), reachable, fresh));
    states.put(slot, transition.state());
    transition.effects().forEach(effect -> wanted.add(new Wanted(slot, effect)));
  }

  private final class Decider implements SlotWork.Decider, PlanRepairs.Slots {
    @Override
    public boolean ifDue(SlotId slot, long job, Runnable act) {
      synchronized (Updater.this) {
        // Nothing that was overtaken may switch: this is the last moment to ask.
        boolean due = !closed && state(slot).job() == job;
        if (due) {
          act.run();
        }
        return due;
      }
    }

    @Override
    public boolean answers(DesiredSlot order) {
      return slots
          .active(order.slot())
          .filter(model -> model.manifest().equals(order.manifest()))
          .isPresent();
    }

    @Override
    public boolean isCalm() {
      return calm;
    }

    // Newer settings may have come while the plan was read.
    @Override
    public void count(DesiredSlot order, MonitoringPlan plan) {
      synchronized (Updater.this) {
        if (closed || !answers(order)) {
          return;
        }
        DesiredSlot newest =
            state(order.slot())
                .order()
                .filter(known -> known.manifest().equals(order.manifest()))
                .orElse(order);
        watch.watch(new ModelRef(newest.slot(), newest.version(), newest.manifest()), plan, newest);
        plans.read(newest);
      }
    }

    @Override
    public void tell(SlotId slot, UpdateEvent event) {
      apply(slot, event);
    }

    @Override
    public void sweep() {
      Updater.this.sweep();
    }
  }

  private SlotState state(SlotId slot) {
    return states.getOrDefault(slot, SlotState.INITIAL);
  }

  /**
   * Remembers, then does what is wanted; what may not wait is done even when nothing is written.
   */
  private void carryOut() {
    if (closed) {
      return;
    }
    settleUnits();
    if (states.values().stream().allMatch(state -> state.step().phase().isTerminal())) {
      applied = observed;
    }
    UpdateMemory now = new UpdateMemory(observed, applied, director, states);
    boolean written = now.equals(remembered) || remember(now);
    List<Wanted> due = new ArrayList<>();
    List<Wanted> waiting = new ArrayList<>();
    while (!wanted.isEmpty()) {
      Wanted next = wanted.remove();
      (written || next.effect().isUrgent() ? due : waiting).add(next);
    }
    wanted.addAll(waiting);
    boolean switched = units.take(due);
    due.forEach(next -> perform(next.slot(), next.effect()));
    if (switched) {
      carryOut();
    }
    look();
  }

  private void look() {
    looked = Map.copyOf(states);
    calm = isCalm();
    boolean lacks = absent().stream().anyMatch(Absent::required);
    if (lacks != lacking) {
      lacking = lacks;
      slots.tell();
    }
  }

  /**
   * A version that is ordered and does not answer.
   *
   * @param required whether nothing else answers in its place
   * @param reason how far it is, or why it is no further
   */
  public record Absent(ModelVersion version, boolean required, String reason) {}

  /** What is ordered and does not answer now; never waits. */
  public List<Absent> absent() {
    List<Absent> absent = new ArrayList<>();
    looked.forEach(
        (slot, state) ->
            state
                .order()
                .filter(order -> !(order.mode() instanceof SlotMode.Off))
                .filter(
                    order ->
                        slots
                            .active(slot)
                            .filter(model -> model.manifest().equals(order.manifest()))
                            .isEmpty())
                .ifPresent(
                    order ->
                        absent.add(
                            new Absent(
                                order.version(),
                                order.mode() instanceof SlotMode.Active
                                    && slots.active(slot).isEmpty(),
                                reason(state)))));
    return absent;
  }

  private static String reason(SlotState state) {
    String phase = state.step().phase().name();
    return state
        .step()
        .problem()
        .map(problem -> "%s: %s: %s".formatted(phase, problem.code().name(), problem.detail()))
        .orElse(phase);
  }

  private void settleUnits() {
    Map<SlotId, UpdateEvent> news = UnitRule.news(states);
    while (!news.isEmpty()) {
      news.forEach(this::change);
      news = UnitRule.news(states);
    }
  }

  private boolean remember(UpdateMemory memory) {
    try {
      file.write(memory);
      remembered = memory;
      trouble = Optional.empty();
      return true;
    } catch (IOException e) {
      if (trouble.isEmpty()) {
        log.atError().addKeyValue("device", setup.device()).setCause(e).log("state not written");
      }
      trouble = Optional.of(UpdateNews.unwritten(e));
      return false;
    }
  }

  private void perform(SlotId slot, UpdateEffect effect) {
    switch (effect) {
      case UpdateEffect.Download(long job, DesiredSlot order, long received) ->
          jobs.run(slot, job, cancelled -> work.download(slot, job, order, received, cancelled));
      case UpdateEffect.Verify(long job, DesiredSlot order) ->
          jobs.run(slot, job, cancelled -> work.verify(job, order));
      case UpdateEffect.Compile(long job, DesiredSlot order, boolean known) ->
          jobs.load(slot, job, cancelled -> work.compile(slot, job, order, known));
      case UpdateEffect.Activate(long job, DesiredSlot order) ->
          jobs.run(slot, job, cancelled -> work.activate(slot, job, order));
      case UpdateEffect.Restore(long job, List<DesiredSlot> candidates) ->
          jobs.load(slot, job, cancelled -> work.restore(slot, job, candidates));
      case UpdateEffect.Repair(long job, DesiredSlot proven) ->
          jobs.load(slot, job, cancelled -> work.repair(slot, job, proven, cancelled));
      case UpdateEffect.Cancel(long job) -> {
        jobs.cancel(slot, job);
        models.discard(slot);
      }
      case UpdateEffect.Reconfigure(DesiredSlot order) ->
          setup.executor().execute(() -> work.reconfigure(order));
      case UpdateEffect.Unload _ -> {
        models.discard(slot);
        models.standDown(slot);
        slots.remove(slot);
      }
      case UpdateEffect.Sweep _ -> setup.executor().execute(this::sweep);
      case UpdateEffect.Announce(DesiredSlot order, Optional<SlotReport.Failure> failure) -> {
        models.standDown(slot);
        if (failure.isEmpty()) {
          slots
              .active(slot)
              .filter(model -> model.manifest().equals(order.manifest()))
              .ifPresent(ServingModel::acquit);
        }
        news.ended(order, failure);
      }
    }
  }

  /** Where the model's file of a version lies that is here; empty when it has gone. */
  public Optional<Path> file(ModelRef model) {
    return loader.file(model.manifest());
  }

  /** Frees the disk of what neither the state now nor the one on disk speaks of. */
  private synchronized void sweep() {
    List<DesiredSlot> kept = new ArrayList<>();
    Stream.concat(states.values().stream(), remembered.slots().values().stream())
        .flatMap(
            state ->
                Stream.of(
                    state.order(),
                    state.running(),
                    state.proven(),
                    state.previous(),
                    state.pending()))
        .flatMap(Optional::stream)
        .forEach(kept::add);
    try {
      // Under the lock: no download may begin between the choice and the deletion.
      loader.keepOnly(kept);
    } catch (IOException e) {
      log.atWarn().addKeyValue("device", setup.device()).setCause(e).log("blobs not swept");
    }
  }

  /** How often a model was switched in or out since the start. */
  public long switches() {
    return models.switches();
  }

  /** Whether a next step asks if the control plane is reachable. */
  public synchronized boolean needsControlPlane() {
    return (isCalm() && plans.isDue(time.now()))
        || states.values().stream()
            .anyMatch(state -> state.step() instanceof Step.Staged || state.step().isDangerous());
  }

  /** The highest generation seen. */
  public synchronized Generation observed() {
    return remembered.observed();
  }

  /** The highest generation of which every slot came to an end. */
  public synchronized Generation applied() {
    return remembered.applied();
  }

  /** Whether every order came to its end and nothing waits: {@link #tick} would change nothing. */
  public synchronized boolean isSettled() {
    return isCalm() && !plans.isWaiting();
  }

  private boolean isCalm() {
    if (!wanted.isEmpty()) {
      return false;
    }
    for (SlotState state : states.values()) {
      if (!state.step().phase().isTerminal() || state.step() instanceof Step.Repairing) {
        return false;
      }
    }
    return true;
  }

  /** How every slot stands; what runs is told by what answers now. */
  public synchronized List<SlotReport> reports() {
    List<SlotReport> reports = new ArrayList<>(remembered.slots().size());
    remembered
        .slots()
        .forEach(
            (slot, state) ->
                reports.add(
                    SlotReports.of(slot, state, slots.active(slot), trouble.or(inbox::refusal))));
    reports.sort(Comparator.comparing(report -> report.slot().value()));
    return List.copyOf(reports);
  }

  /** Stops acting; what was under way begins anew at the next start, and is no crash. */
  @Override
  public synchronized void close() {
    if (!closed) {
      states.keySet().stream().toList().forEach(slot -> change(slot, new UpdateEvent.Stopped()));
      UpdateMemory now = new UpdateMemory(observed, applied, director, states);
      if (!now.equals(remembered)) {
        remember(now);
      }
    }
    closed = true;
    calm = false;
    jobs.cancelAll();
    models.close();
  }
}
