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
 * try again, and all that had it on trial. Only what becomes of them is judged: the good devices of
 * the stages would hide it, those of them that fall later say nothing of it, and those that failed
 * a trial are none of them.
 *
 * @param before by the rules before 11, devices that were at an end, or removed, when this began:
 *     nobody knew then of a device that came to an end whether it was late
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
        atAnEnd(census).entrySet().stream()
            .map(one -> new Ended(one.getKey(), one.getValue().ended(), one.getValue().failed()))
            .filter(one -> one.ended() > 0)
            .sorted(Comparator.comparing((Ended one) -> one.profile().value()))
            .toList(),
        "");
  }

  boolean isHeld() {
    return !held.isEmpty();
  }

  /** By those of them that came to an end. */
  CatchingUp judged(Census census, ShareLimit limit) {
    return judged(census.failuresOfLate(), limit);
  }

  /** By all that came to an end since this began, as by the rules before 11. */
  CatchingUp judgedSince(Census census, ShareLimit limit) {
    Map<ProfileId, Devices> since = atAnEnd(census);
    for (Ended one : before) {
      since.computeIfPresent(one.profile(), (profile, all) -> without(all, one));
    }
    return judged(since, limit);
  }

  private CatchingUp judged(Map<ProfileId, Devices> since, ShareLimit limit) {
    Optional<String> harm = harm(since, limit);
    return isHeld() || harm.isEmpty()
        ? this
        : new CatchingUp(
            before,
            "nobody is offered it any more since the success: %s; roll it back, or retry to go on"
                .formatted(harm.get()));
  }

  private static Optional<String> harm(Map<ProfileId, Devices> since, ShareLimit limit) {
    String harm =
        FailureGate.judge(since, limit).stream()
            .filter(result -> result.verdict() == Verdict.FAIL)
            .map(GateResult::toString)
            .collect(Collectors.joining("; "));
    return harm.isEmpty() ? Optional.empty() : Optional.of(harm);
  }

  // One that is removed has not taken the end of a newcomer with it.
  private static Map<ProfileId, Devices> atAnEnd(Census census) {
    Map<ProfileId, Devices> byProfile = new HashMap<>(census.failures(true));
    for (Census.Cell cell : census.cells()) {
      if (cell.state() == DeploymentState.REMOVED) {
        byProfile.merge(cell.profile(), new Devices(0, cell.devices(), 0, 0), Devices::plus);
      }
    }
    return byProfile;
  }

  // One that was good, and fell back since, was at an end before, too: it says nothing of those
  // who get the version now, and no more can have failed than came to an end.
  private static Devices without(Devices all, Ended before) {
    long ended = Math.max(0, all.ended() - before.ended());
    long failed = Math.clamp(all.failed() - before.failed(), 0, ended);
    return new Devices(all.members(), ended, failed, all.underWay());
  }
}
