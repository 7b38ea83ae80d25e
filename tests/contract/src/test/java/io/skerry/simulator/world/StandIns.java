package io.skerry.simulator.world;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** The simulation's tables and rollouts, of devices that are all of one profile. */
public final class StandIns {
  private final MemoryStore store = new MemoryStore(SimDevice.TENANT);
  private final Releases releases = new Releases();
  private final RolloutShell rollouts =
      new RolloutShell(
          store, releases, device -> Hardware.GATEWAY.profile(), new SamplingRates(.1, .8));

  /** Versions 1 to 3 are released. */
  public StandIns() {
    for (int version = 1; version <= 3; version++) {
      releases.release(version, Releases.Behaviour.GOOD);
    }
    store.beginTerm();
  }

  /** The tables. */
  public MemoryStore store() {
    return store;
  }

  /** The books of rollouts. */
  public RolloutBooks books() {
    return rollouts;
  }

  /** Begins a rollout to every device. */
  public RolloutId begin(long version, List<Integer> percents, Instant now) {
    return rollouts.start(
            version, percents, Duration.ofMinutes(1), Duration.ofDays(1), GateAction.PAUSE, now)
        .id;
  }

  /** A replica looks at the rollouts once. */
  public void look(String replica, Instant now) {
    rollouts.tick(replica, Instant.EPOCH, now);
  }

  /** Tells the rollouts that a device came or went. */
  public void moved(DeviceId device, boolean online, Instant now) {
    if (online) {
      rollouts.returned(device, now);
    } else {
      rollouts.left(device, now);
    }
  }
}
