package io.skerry.agent.update;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotId;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Models that are loaded but do not answer yet, and the switch between those that do. Thread-safe.
 */
final class SlotSwitch {
  private static final Logger log = LoggerFactory.getLogger(SlotSwitch.class);

  private final ModelSlots slots;
  private final ModelWatch watch;
  private final Map<SlotId, PreparedModel> prepared = new HashMap<>();

  SlotSwitch(ModelSlots slots, ModelWatch watch) {
    this.slots = slots;
    this.watch = watch;
  }

  /** Keeps a loaded model until it is activated. */
  synchronized void prepare(SlotId slot, PreparedModel model) {
    drop(Optional.ofNullable(prepared.put(slot, model)));
  }

  /** Closes what was loaded for this slot and will not be activated. */
  synchronized void discard(SlotId slot) {
    drop(Optional.ofNullable(prepared.remove(slot)));
  }

  private static void drop(Optional<PreparedModel> model) {
    model.ifPresent(old -> old.model().close());
  }

  /** What was prepared for this order. */
  synchronized PreparedModel take(SlotId slot, DesiredSlot order) throws UpdateException {
    PreparedModel model = prepared.remove(slot);
    if (model != null && model.order().manifest().equals(order.manifest())) {
      return model;
    }
    drop(Optional.ofNullable(model));
    throw new UpdateException(
        ErrorCode.INTERNAL, "%s is not loaded in slot %s".formatted(order.version(), slot));
  }

  /** Lets a model answer from now on. */
  void activate(PreparedModel model, boolean onProbation) {
    ServingModel serving =
        new ServingModel(
            model.order().slot(), model.order().version(), model.order().manifest(), model.model());
    if (onProbation) {
      serving.judge();
    }
    watch.watch(model.ref(), model.plan(), model.order());
    slots.activate(model.order().slot(), serving);
    log.atInfo()
        .addKeyValue("slot", model.order().slot())
        .addKeyValue("version", model.order().version())
        .log("version activated");
  }

  synchronized void close() {
    prepared.values().forEach(model -> model.model().close());
    prepared.clear();
  }
}
