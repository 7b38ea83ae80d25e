package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.FailureGate;
import io.skerry.fleet.gate.FailureGate.Devices;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.ShareLimit;
import io.skerry.fleet.gate.Verdict;
import io.skerry.protocol.ProfileId;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Those who get the version after the rollout has succeeded: late devices, newcomers, those that
 * try again, and all that had it on trial. Only what becomes of them since then is judged: the good
 * devices of the stages would hide it, and those that failed a trial are none of them.
 *
 * @param before devices that were at an end when this began
 * @param held why nobody is offered the version any more; empty while it is offered
 */
public record CatchingUp(List<Ended> before, String held) {
  /** Devices of a profile that were at an end, and of them those that had failed. */
  public record Ended(ProfileId profile, long ended, long failed) {}

  /** Copies the list. */
  public CatchingUp {
    before = List.copyOf(before);
  }

  static CatchingUp begun(Census census) {
    return new CatchingUp(
        census.failures(true).entrySet().stream()
            .map(one -> new Ended(one.getKey(), one.getValue().ended(), one.getValue().failed()))
            .filter(one -> one.ended() > 0)
            .sorted(Comparator.comparing((Ended one) -> one.profile().value()))
            .toList(),
        "");
  }

  boolean isHeld() {
    return !held.isEmpty();
  }

  CatchingUp judged(Census census, ShareLimit limit) {
    Optional<String> harm = harm(census, limit);
    return isHeld() || harm.isEmpty()
        ? this
        : new CatchingUp(
            before,
            "nobody is offered it any more since the success: %s; roll it back, or retry to go on"
                .formatted(harm.get()));
  }

  private Optional<String> harm(Census census, ShareLimit limit) {
    Map<ProfileId, Devices> since = new HashMap<>(census.failures(true));
    for (Ended one : before) {
      since.computeIfPresent(one.profile(), (profile, all) -> without(all, one));
    }
    String harm =
        FailureGate.judge(since, limit).stream()
            .filter(result -> result.verdict() == Verdict.FAIL)
            .map(GateResult::toString)
            .collect(Collectors.joining("; "));
    return harm.isEmpty() ? Optional.empty() : Optional.of(harm);
  }

  // One that was good, and fell back since, was at an end before, too.
  private static Devices without(Devices all, Ended before) {
    long failed = Math.max(0, all.failed() - before.failed());
    long ended = Math.max(failed, all.ended() - before.ended());
    return new Devices(all.members(), ended, failed, all.underWay());
  }
}
