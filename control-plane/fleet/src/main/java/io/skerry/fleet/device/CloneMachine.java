package io.skerry.fleet.device;

import io.skerry.fleet.device.Instances.Alarm;
import io.skerry.fleet.device.Instances.Seen;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Notices that a device's key is at work on two machines. Pure.
 *
 * <pre>
 * A, B             an agent was started again: B counts
 * A, B, A          a superseded process is born again: it never ended, so there are two
 * A(7), B(7)       two processes with one boot epoch: an epoch is claimed once, so there are two
 * </pre>
 *
 * <p>A message may come twice or late. A birth counts only if it is later, by its own process's
 * clock, than what that process told before; a report of a superseded process tells nothing. The
 * alarm stays until it is acknowledged.
 */
public final class CloneMachine {
  /** Processes that are remembered of one device; the oldest are forgotten first. */
  public static final int INSTANCES_MAX = 16;

  private CloneMachine() {}

  /** The processes after an event. */
  public static Instances after(Instances instances, InstanceEvent event, Instant now) {
    return switch (event) {
      case InstanceEvent.Born born ->
          heard(instances, new Seen(born.instance(), born.bootEpoch(), born.at()), true, now);
      case InstanceEvent.Reported report ->
          heard(
              instances, new Seen(report.instance(), report.bootEpoch(), report.at()), false, now);
      case InstanceEvent.Acknowledged _ -> Instances.NONE;
    };
  }

  private static Instances heard(Instances instances, Seen heard, boolean birth, Instant now) {
    if (heard.instance().isEmpty()) {
      return instances;
    }
    Optional<Seen> known =
        instances.seen().stream()
            .filter(seen -> seen.instance().equals(heard.instance()))
            .findFirst();
    if (known.isEmpty()) {
      return first(instances, heard, now);
    }
    boolean later = heard.at().isAfter(known.get().at());
    if (!later) {
      return instances;
    }
    Seen current = instances.seen().getLast();
    if (known.get().equals(current)) {
      return new Instances(moved(instances.seen(), heard), instances.alarm());
    }
    return birth
        ? new Instances(
            moved(instances.seen(), heard),
            alarm(instances.alarm(), now, current.instance(), heard.instance()))
        : instances;
  }

  private static Instances first(Instances instances, Seen heard, Instant now) {
    Optional<Alarm> alarm = instances.alarm();
    for (Seen seen : instances.seen()) {
      if (seen.bootEpoch() == heard.bootEpoch()) {
        alarm = alarm(alarm, now, seen.instance(), heard.instance());
      }
    }
    return new Instances(moved(instances.seen(), heard), alarm);
  }

  private static List<Seen> moved(List<Seen> seen, Seen last) {
    List<Seen> moved = new ArrayList<>(seen);
    moved.removeIf(other -> other.instance().equals(last.instance()));
    moved.add(last);
    return moved.size() > INSTANCES_MAX
        ? moved.subList(moved.size() - INSTANCES_MAX, moved.size())
        : moved;
  }

  private static Optional<Alarm> alarm(
      Optional<Alarm> before, Instant now, String one, String other) {
    List<String> instances = new ArrayList<>(before.map(Alarm::instances).orElse(List.of()));
    for (String instance : List.of(one, other)) {
      if (!instances.contains(instance) && instances.size() < INSTANCES_MAX) {
        instances.add(instance);
      }
    }
    return Optional.of(new Alarm(before.map(Alarm::since).orElse(now), instances));
  }
}
