package io.skerry.agent.update;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What takes long in a slot's update: fetching, checking, loading. It is done beside the updater's
 * lock, and asks at the last moment whether it is still wanted. Thread-safe.
 */
final class SlotWork {
  /** Whoever knows what is wanted. */
  interface Decider {
    /**
     * Acts, unless the effect was overtaken; nothing changes meanwhile.
     *
     * @return whether it acted
     */
    boolean ifDue(SlotId slot, long job, Runnable act);

    /** Lets a version be counted by its plan, under the newest settings of its slot. */
    void count(DesiredSlot order, MonitoringPlan plan);

    /** Something happened to a slot. */
    void tell(SlotId slot, UpdateEvent event);

    /** Frees the disk of what nobody wants. */
    void sweep();
  }

  private static final Logger log = LoggerFactory.getLogger(SlotWork.class);

  private final ArtifactLoader loader;
  private final SlotSwitch models;
  private final ModelSlots slots;
  private final PlanRepairs plans;
  private final Decider decider;

  SlotWork(
      ArtifactLoader loader,
      SlotSwitch models,
      ModelSlots slots,
      PlanRepairs plans,
      Decider decider) {
    this.plans = plans;
    this.loader = loader;
    this.models = models;
    this.slots = slots;
    this.decider = decider;
  }

  /** Fetches what is missing of an order. */
  UpdateEvent download(
      SlotId slot, long job, DesiredSlot order, long received, BooleanSupplier cancelled)
      throws UpdateException {
    DownloadMeter meter = meter(slot, job, received, cancelled);
    try {
      loader.download(order, meter);
    } catch (UpdateException e) {
      if (e.code() != ErrorCode.STORAGE_FULL) {
        throw e;
      }
      decider.sweep();
      loader.download(order, meter);
    }
    return new UpdateEvent.Done(job);
  }

  private DownloadMeter meter(SlotId slot, long job, long received, BooleanSupplier cancelled) {
    return new DownloadMeter(
        received,
        loader.budgetToBegin(),
        (bytes, kept) -> decider.tell(slot, new UpdateEvent.Received(job, bytes, kept)),
        cancelled);
  }

  /** Checks every byte of it. */
  UpdateEvent verify(long job, DesiredSlot order) throws UpdateException {
    loader.verify(order);
    return new UpdateEvent.Done(job);
  }

  /** Loads it and runs its acceptance test; it waits for its turn then. */
  UpdateEvent compile(SlotId slot, long job, DesiredSlot order, boolean known)
      throws UpdateException {
    PreparedModel model = loader.load(order, known);
    requireFit(model);
    ifDue(slot, job, model, () -> models.prepare(slot, model));
    return new UpdateEvent.Done(job);
  }

  /** Refuses a trial that could not answer what it would be asked. */
  private void requireFit(PreparedModel model) throws UpdateException {
    Optional<ServingModel> beside =
        model.order().mode().trial().flatMap(trial -> slots.active(trial.beside()));
    if (beside.isPresent()
        && !ModelSlots.takesOver(beside.get().signature(), model.model().signature())) {
      model.model().close();
      throw new UpdateException(
          ErrorCode.TRIAL_UNFIT,
          "%s has other inputs or outputs than %s in slot %s, whose requests it is to share"
              .formatted(model.order().version(), beside.get().version(), beside.get().slot()));
    }
  }

  /** Lets what was loaded and waits for it answer. */
  UpdateEvent activate(SlotId slot, long job, DesiredSlot order) throws UpdateException {
    return activate(slot, job, models.take(slot, order), true);
  }

  private UpdateEvent activate(SlotId slot, long job, PreparedModel model, boolean onProbation)
      throws UpdateException {
    ifDue(slot, job, model, () -> models.activate(model, onProbation));
    return new UpdateEvent.Done(job);
  }

  private void ifDue(SlotId slot, long job, PreparedModel model, Runnable act)
      throws UpdateException {
    if (!decider.ifDue(slot, job, act)) {
      model.model().close();
      throw new UpdateException(
          ErrorCode.SUPERSEDED, "%s is no longer wanted".formatted(model.order().version()));
    }
  }

  /** Lets the first of these that can be loaded answer; nothing, when there are none. */
  UpdateEvent restore(SlotId slot, long job, List<DesiredSlot> candidates) throws UpdateException {
    Optional<UpdateException> fault = Optional.empty();
    for (DesiredSlot candidate : candidates) {
      try {
        activate(slot, job, loader.loadKnown(candidate), false);
        return new UpdateEvent.Restored(job, Optional.of(candidate));
      } catch (UpdateException e) {
        fault = fault.or(() -> Optional.of(e));
      }
    }
    if (fault.isPresent()) {
      throw fault.get();
    }
    decider.ifDue(slot, job, () -> slots.remove(slot));
    return new UpdateEvent.Restored(job, Optional.empty());
  }

  /** Fetches a proven version again and lets it answer. */
  UpdateEvent repair(SlotId slot, long job, DesiredSlot proven, BooleanSupplier cancelled)
      throws UpdateException {
    activate(slot, job, loader.repair(proven, meter(slot, job, 0, cancelled)), false);
    return new UpdateEvent.Restored(job, Optional.of(proven));
  }

  /** Lets what answers already answer as the order now says. */
  void reconfigure(DesiredSlot order) {
    slots
        .active(order.slot())
        .filter(model -> model.manifest().equals(order.manifest()))
        .ifPresent(
            model -> {
              slots.use(order.slot(), order.mode());
              try {
                decider.count(order, loader.plan(order));
              } catch (UpdateException e) {
                log.atWarn().addKeyValue("slot", order.slot()).setCause(e).log("not reconfigured");
                // With the plan that is fetched again come the new settings.
                plans.unread(order);
              }
            });
  }
}
