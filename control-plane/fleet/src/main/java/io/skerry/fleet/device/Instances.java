package io.skerry.fleet.device;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Which processes spoke under one device's name.
 *
 * @param seen the latest of them, the current one last; at most {@link CloneMachine#INSTANCES_MAX}
 * @param alarm set once two of them were at work at a time
 */
public record Instances(List<Seen> seen, Optional<Alarm> alarm) {
  /** Before the first word. */
  public static final Instances NONE = new Instances(List.of(), Optional.empty());

  public Instances {
    seen = List.copyOf(seen);
  }

  /**
   * A process of an agent.
   *
   * @param instance random name of the process
   * @param bootEpoch the boot epoch that it claimed
   * @param at the latest moment that it told, by its own clock
   */
  public record Seen(String instance, long bootEpoch, Instant at) {}

  /**
   * A copied identity.
   *
   * @param since when it was noticed, by the control plane's clock
   * @param instances processes that were at work at a time, in the order in which they were noticed
   */
  public record Alarm(Instant since, List<String> instances) {
    public Alarm {
      instances = List.copyOf(instances);
    }
  }
}
