package io.skerry.fleet.device;

import java.time.Instant;

/** What is heard of the processes behind a device's name. */
public sealed interface InstanceEvent {
  /**
   * A process said that it is connected.
   *
   * @param at when, by its own clock
   */
  record Born(String instance, long bootEpoch, Instant at) implements InstanceEvent {}

  /**
   * A process reported something. It may be an old message that comes late.
   *
   * @param at when, by its own clock
   */
  record Reported(String instance, long bootEpoch, Instant at) implements InstanceEvent {}

  /** The device's certificates were revoked, or it enrolled anew. */
  record Acknowledged() implements InstanceEvent {}
}
