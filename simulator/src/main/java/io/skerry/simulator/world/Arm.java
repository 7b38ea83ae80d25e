package io.skerry.simulator.world;

import io.skerry.fleet.gate.ArmCounts;
import io.skerry.protocol.ProfileId;
import java.util.TreeSet;

/** What was seen of one version on one device since the stage opened: a row, as the server's. */
final class Arm {
  /** The device's when it was seen first. */
  final ProfileId profile;

  /** Whether the stage was the device's own then. */
  final boolean own;

  final ArmCounts counts = new ArmCounts();
  // The highest boot epoch of the transactions before.
  private long known;
  private long transaction = -1;
  private final TreeSet<Long> epochs = new TreeSet<>();

  Arm(ProfileId profile, boolean own) {
    this.profile = profile;
    this.own = own;
  }

  /**
   * Counts a window of the process of this boot epoch. Each that is above all before is a restart;
   * the first that is known of a device is none. What comes together comes in any order, of several
   * agents at once.
   *
   * @param of number of the transaction that stores it
   */
  void process(long epoch, long of) {
    if (transaction != of) {
      known = epochs.isEmpty() ? known : Math.max(known, epochs.last());
      epochs.clear();
      transaction = of;
    }
    boolean another = epochs.add(epoch) && (known > 0 ? epoch > known : epochs.size() > 1);
    counts.process(another ? 1 : 0);
  }
}
