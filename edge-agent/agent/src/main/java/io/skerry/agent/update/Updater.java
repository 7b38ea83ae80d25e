package io.skerry.agent.update;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out desired documents, slot by slot: remembers before it acts, acts on its executor, and
 * tells what became of it. What {@link UpdateMachine} decides is done here.
 *
 * <p>Thread-safe; nothing but {@link #start} blocks.
 */
public final class Updater implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Updater.class);

  private final UpdateSetup setup;
  private final ModelSlots slots;
  private final ModelWatch watch;
  private final Consumer<Record> events;
  private final UpdateMachine machine;
  private final UpdateMemoryFile file;
  private final ArtifactLoader loader;
  private final Map<SlotId, SlotState> states = new HashMap<>();
  private final Map<SlotId, PreparedModel> prepared = new HashMap<>();
  private final Set<String> cancelled = ConcurrentHashMap.newKeySet();
  private Generation observed = Generation.NONE;
  private Generation applied = Generation.NONE;
  private boolean closed;

  /**
   * Makes an updater that is not started.
   *
   * @param watch is told of a model before its first prediction
   * @param events takes records of what happened
   */
  public Updater(UpdateSetup setup, ModelWatch watch, Consumer<Record> events) throws IOException {
    setup.disk().createFolders(setup.folder());
    this.setup = setup;
    this.slots = setup.slots();
    this.watch = watch;
    this.events = events;
    this.machine =
        new UpdateMachine(UpdatePolicy.seeded((setup.tenant() + "/" + setup.device()).hashCode()));
    this.file = new UpdateMemoryFile(setup.disk(), setup.folder().resolve("update.json"));
    BlobFolder blobs =
        new BlobFolder(setup.disk(), setup.folder().resolve("blobs").resolve("sha256"));
    this.loader =
        new ArtifactLoader(
            blobs,
            new BlobDownload(
                setup.http(),
                blobs,
                setup.artifactBase(),
                setup.tenant() + "/" + setup.device(),
                setup.secret()),
            setup.trust(),
            setup.facts(),
            setup.profiles(),
            setup.engines(),
            setup.threadsMax());
  }

  /**
   * Remembers, and lets the last proven version of every slot answer again, without any network.
   */
  public synchronized void start() {
    UpdateMemory memory = remembered();
    observed = memory.observed();
    applied = memory.applied();
    states.putAll(memory.slots());
    for (SlotId slot : List.copyOf(states.keySet())) {
      apply(slot, new UpdateEvent.Started(restoredFromDisk(slot)));
    }
  }

  private UpdateMemory remembered() {
    try {
      return file.read();
    } catch (IOException e) {
      // Unknown is not empty: nothing is removed because of it, and the retained document tells all
      // again.
      log.atError().setCause(e).log("update state lost");
      events.accept(
          TelemetryRecords.event(
              setup.clock().instant(),
              ErrorCode.STORAGE_FAILED.name(),
              "update state lost: " + e.getMessage(),
              Map.of()));
      return UpdateMemory.EMPTY;
    }
  }

  private Optional<DesiredSlot> restoredFromDisk(SlotId slot) {
    SlotState state = state(slot);
    return Stream.concat(state.proven().stream(), state.previous().stream())
        .filter(
            candidate -> {
              try {
                activate(loader.load(candidate));
                return true;
              } catch (UpdateException e) {
                log.atError()
                    .addKeyValue("slot", slot)
                    .addKeyValue("version", candidate.version())
                    .setCause(e)
                    .log("proven version cannot be started");
                return false;
              }
            })
        .findFirst();
  }

  /** Takes a message of the desired topic: a signed envelope. */
  public void desired(byte[] payload) {
    if (payload.length == 0) {
      return;
    }
    try {
      DesiredDocument document = DesiredEnvelope.open(payload, setup.trust().get());
      if (!document.tenant().equals(setup.tenant()) || !document.device().equals(setup.device())) {
        throw new MalformedDocumentException(
            "desired document is for %s/%s".formatted(document.tenant(), document.device()));
      }
      accept(document);
    } catch (SignatureInvalidException e) {
      refuse(ErrorCode.DESIRED_SIGNATURE_INVALID, e);
    } catch (MalformedDocumentException e) {
      refuse(ErrorCode.DESIRED_MALFORMED, e);
    }
  }

  private void refuse(ErrorCode code, Exception cause) {
    log.atWarn()
        .addKeyValue("device", setup.device())
        .addKeyValue("code", code)
        .addKeyValue("cause", String.valueOf(cause.getMessage()))
        .log("desired document refused");
    events.accept(
        TelemetryRecords.event(
            setup.clock().instant(), code.name(), String.valueOf(cause.getMessage()), Map.of()));
  }

  private synchronized void accept(DesiredDocument document) {
    if (closed || !document.generation().isAfter(observed)) {
      return;
    }
    observed = document.generation();
    for (DesiredSlot order : document.slots()) {
      apply(order.slot(), new UpdateEvent.Ordered(document.generation(), order));
    }
    settle();
    remember();
  }

  /** Lets time pass: retries, probation. Call a few times a second. */
  public synchronized void tick() {
    if (closed) {
      return;
    }
    for (SlotId slot : List.copyOf(states.keySet())) {
      SlotState state = state(slot);
      if (state.step() instanceof Step.Probation) {
        slots
            .active(slot)
            .filter(model -> isOrdered(model, state))
            .ifPresent(
                model ->
                    apply(
                        slot,
                        new UpdateEvent.Counted(
                            model.predictions() - model.predictionsFailed(),
                            model.predictionsFailed())));
      }
      apply(slot, new UpdateEvent.Ticked());
    }
  }

  private static boolean isOrdered(ServingModel model, SlotState state) {
    return state.order().filter(order -> order.manifest().equals(model.manifest())).isPresent();
  }

  private synchronized void apply(SlotId slot, UpdateEvent event) {
    if (closed) {
      return;
    }
    SlotState before = state(slot);
    UpdateMachine.Transition transition = machine.on(before, event, setup.clock().instant());
    states.put(slot, transition.state());
    if (!transition.state().equals(before)) {
      settle();
      remember();
    }
    for (UpdateEffect effect : transition.effects()) {
      perform(slot, effect);
    }
  }

  private SlotState state(SlotId slot) {
    return states.getOrDefault(slot, SlotState.INITIAL);
  }

  private void settle() {
    if (states.values().stream().allMatch(state -> state.step().phase().isTerminal())) {
      applied = observed;
    }
  }

  private void remember() {
    try {
      file.write(new UpdateMemory(observed, applied, states));
    } catch (IOException e) {
      // What is done now is done again after a crash: the old state on disk is still a true one.
      log.atError().addKeyValue("device", setup.device()).setCause(e).log("state not written");
    }
  }

  private void perform(SlotId slot, UpdateEffect effect) {
    switch (effect) {
      case UpdateEffect.Download(long job, DesiredSlot order) ->
          run(slot, job, () -> loader.download(order, () -> cancelled.contains(key(slot, job))));
      case UpdateEffect.Verify(long job, DesiredSlot order) ->
          run(slot, job, () -> loader.verify(order));
      case UpdateEffect.Compile(long job, DesiredSlot order) ->
          run(slot, job, () -> prepare(slot, job, loader.load(order)));
      case UpdateEffect.Activate(long job, DesiredSlot order) ->
          run(slot, job, () -> activate(takePrepared(slot, order)));
      case UpdateEffect.Restore(long job, Optional<DesiredSlot> proven) ->
          run(slot, job, () -> restore(slot, proven));
      case UpdateEffect.Cancel(long job) -> cancelled.add(key(slot, job));
      case UpdateEffect.Reconfigure(DesiredSlot order) ->
          setup.executor().execute(() -> reconfigure(order));
      case UpdateEffect.Sweep sweep -> setup.executor().execute(this::sweep);
      case UpdateEffect.Announce(DesiredSlot order, Optional<SlotReport.Failure> failure) ->
          announce(order, failure);
    }
  }

  private static String key(SlotId slot, long job) {
    return slot + "#" + job;
  }

  /** A part of an update that may block and fail. */
  private interface Work {
    void run() throws UpdateException;
  }

  private void run(SlotId slot, long job, Work work) {
    setup
        .executor()
        .execute(
            () -> {
              UpdateEvent outcome;
              try {
                work.run();
                outcome = new UpdateEvent.Done(job);
              } catch (UpdateException e) {
                outcome = new UpdateEvent.Broken(job, e.code(), String.valueOf(e.getMessage()));
              } catch (RuntimeException e) {
                log.atError().addKeyValue("slot", slot).setCause(e).log("update step failed");
                outcome = new UpdateEvent.Broken(job, ErrorCode.INTERNAL, e.toString());
              }
              cancelled.remove(key(slot, job));
              apply(slot, outcome);
            });
  }

  private synchronized void prepare(SlotId slot, long job, PreparedModel model) {
    if (closed || state(slot).job() != job) {
      model.model().close();
      return;
    }
    Optional.ofNullable(prepared.put(slot, model)).ifPresent(old -> old.model().close());
  }

  private synchronized PreparedModel takePrepared(SlotId slot, DesiredSlot order)
      throws UpdateException {
    PreparedModel model = prepared.remove(slot);
    if (model == null || !model.order().manifest().equals(order.manifest())) {
      throw new UpdateException(
          ErrorCode.INTERNAL, "%s is not loaded in slot %s".formatted(order.version(), slot));
    }
    return model;
  }

  private void activate(PreparedModel model) {
    watch.watch(model.ref(), model.plan(), model.order());
    slots.activate(
        model.order().slot(),
        new ServingModel(
            model.order().slot(),
            model.order().version(),
            model.order().manifest(),
            model.model()));
    log.atInfo()
        .addKeyValue("device", setup.device())
        .addKeyValue("slot", model.order().slot())
        .addKeyValue("version", model.order().version())
        .log("version activated");
  }

  private void restore(SlotId slot, Optional<DesiredSlot> proven) throws UpdateException {
    if (proven.isPresent()) {
      activate(loader.load(proven.get()));
    } else {
      slots.remove(slot);
    }
  }

  private void reconfigure(DesiredSlot order) {
    slots
        .active(order.slot())
        .filter(model -> model.manifest().equals(order.manifest()))
        .ifPresent(
            model -> {
              try {
                watch.watch(model.ref(), loader.plan(order), order);
              } catch (UpdateException e) {
                log.atWarn().addKeyValue("slot", order.slot()).setCause(e).log("not reconfigured");
              }
            });
  }

  private void sweep() {
    List<DesiredSlot> wanted = new ArrayList<>();
    synchronized (this) {
      for (SlotState state : states.values()) {
        Stream.of(state.order(), state.running(), state.proven(), state.previous(), state.pending())
            .flatMap(Optional::stream)
            .forEach(wanted::add);
      }
      try {
        // Under the lock: no download may begin between the choice and the deletion.
        loader.keepOnly(wanted);
      } catch (IOException e) {
        log.atWarn().addKeyValue("device", setup.device()).setCause(e).log("blobs not swept");
      }
    }
  }

  private void announce(DesiredSlot order, Optional<SlotReport.Failure> failure) {
    String code = failure.map(cause -> cause.code().name()).orElse("COMMITTED");
    String detail =
        failure.map(SlotReport.Failure::detail).orElse(order.version() + " is committed");
    log.atInfo()
        .addKeyValue("device", setup.device())
        .addKeyValue("slot", order.slot())
        .addKeyValue("version", order.version())
        .addKeyValue("code", code)
        .addKeyValue("detail", detail)
        .log("order ended");
    Map<String, String> attributes = new HashMap<>();
    attributes.put("slot", order.slot().value());
    attributes.put("version", order.version().toString());
    attributes.put("manifest", order.manifest().toString());
    order.rollout().ifPresent(rollout -> attributes.put("rollout", rollout.value()));
    Instant now = setup.clock().instant();
    events.accept(TelemetryRecords.event(now, code, detail, attributes));
  }

  /** The highest generation seen. */
  public synchronized Generation observed() {
    return observed;
  }

  /** The highest generation of which every slot came to an end. */
  public synchronized Generation applied() {
    return applied;
  }

  /** How every slot stands; what runs is told by what answers now. */
  public synchronized List<SlotReport> reports() {
    List<SlotReport> reports = new ArrayList<>();
    states.keySet().stream()
        .sorted((one, other) -> one.value().compareTo(other.value()))
        .forEach(slot -> reports.add(SlotReports.of(slot, state(slot), slots.active(slot))));
    return List.copyOf(reports);
  }

  /** Stops acting; what was under way begins anew at the next start. */
  @Override
  public synchronized void close() {
    closed = true;
    prepared.values().forEach(model -> model.model().close());
    prepared.clear();
  }
}
