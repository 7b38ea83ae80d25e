package io.skerry.simulator.world;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.update.Updater;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotPhase;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What a user of a device sees of one slot: what answers, and whether something has to. */
final class SlotWatch {
  private final Fleet fleet;
  private final SimDevice device;
  private final SlotId slot;
  private final Set<Long> ran = new TreeSet<>();
  private boolean proven;
  // The version that answered when a user last looked.
  private long answers;
  private Set<Generation> offAt = Set.of();
  // What answers until an order to switch it off, which was taken, is on the disk.
  private Optional<ServingModel> leaving = Optional.empty();

  SlotWatch(Fleet fleet, SimDevice device, SlotId slot) {
    this.fleet = fleet;
    this.device = device;
    this.slot = slot;
  }

  SlotId slot() {
    return slot;
  }

  /** Every version that ever answered. */
  Set<Long> ran() {
    return ran;
  }

  /** Whether a version proved itself and the slot was not switched off since. */
  boolean isProven() {
    return proven;
  }

  /** This is sent to the device. */
  void ordered(DesiredDocument document) {
    if (document.slots().stream()
        .anyMatch(one -> one.slot().equals(slot) && one.mode() instanceof SlotMode.Off)) {
      offAt = offAt.isEmpty() ? new HashSet<>() : offAt;
      offAt.add(document.generation());
    }
  }

  /** The process has looked at an order. */
  void received(ModelSlots slots) {
    if (isOff()) {
      proven = false;
      leaving = slots.active(slot);
    }
  }

  /** Nothing is under way any more. */
  void settled() {
    leaving = Optional.empty();
  }

  /** The process has started. */
  void started(ModelSlots slots, Generation observed) {
    leaving = Optional.empty();
    boolean runs = slots.active(slot).isPresent();
    // Switched off by the last order that it took, perhaps in the moment in which it stopped.
    proven &= runs || !offAt.contains(observed);
    if (proven && !runs) {
      fleet
          .watch()
          .broken(
              2, device.index(), "nothing answers after a start, although a version was proven");
    }
  }

  /** Looks at the model that answers. */
  void look(ModelSlots slots, Updater updater) {
    Optional<ServingModel> model = slots.active(slot);
    fleet.watch().running(device, model.map(ServingModel::manifest));
    boolean stays = model.isPresent() && !model.equals(leaving);
    proven = model.isPresent() ? proven || (stays && isProven(updater)) : proven && !isOff();
    long version = model.map(running -> running.version().version()).orElse(0L);
    if (version != answers) {
      answers = version;
      World world = fleet.world();
      world.trace().note(world.now(), Trace.Kind.RUNNING, device.index(), version, 0);
    }
    if (version > 0) {
      ran.add(version);
    }
  }

  // A first version that dies while it proves itself starts from its beginning again.
  private boolean isProven(Updater updater) {
    return updater.reports().stream()
        .anyMatch(
            report ->
                report.slot().equals(slot)
                    && report.phase() == SlotPhase.COMMITTED
                    && report.running().isPresent());
  }

  // What was switched off has to answer no more.
  private boolean isOff() {
    return fleet
        .store()
        .desired(device.id(), slot)
        .filter(order -> order.mode() instanceof SlotMode.Off)
        .isPresent();
  }

  /** Where a version was proven, applications go on asking, whatever is under way. */
  void unanswered(String what) {
    if (proven && !isOff()) {
      fleet
          .watch()
          .broken(1, device.index(), what + " found no model, although a version was proven");
    }
  }
}
