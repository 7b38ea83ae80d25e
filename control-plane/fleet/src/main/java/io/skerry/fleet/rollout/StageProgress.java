package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.GateResult;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One stage of a rollout under way.
 *
 * @param openedAt start of its deadlines; moved when a paused rollout is resumed
 * @param soakingSince when its last device came to an end
 * @param orderedSince when, for the first time, none of its devices waited for an order any more
 * @param reason why it is in this state, empty while nothing is to be said
 * @param evidence the gates' results when a verdict changed last, or when the stage was closed
 */
public record StageProgress(
    StageState state,
    Optional<Instant> openedAt,
    Optional<Instant> soakingSince,
    Optional<Instant> orderedSince,
    String reason,
    List<GateResult> evidence) {
  /** A stage that was not opened yet. */
  public static final StageProgress PENDING =
      new StageProgress(
          StageState.PENDING, Optional.empty(), Optional.empty(), Optional.empty(), "", List.of());

  /** What was kept before there was {@code orderedSince} has none. */
  public StageProgress {
    orderedSince = Objects.requireNonNullElse(orderedSince, Optional.empty());
    evidence = List.copyOf(evidence);
  }

  static StageProgress opened(Instant now) {
    return new StageProgress(
        StageState.RUNNING, Optional.of(now), Optional.empty(), Optional.empty(), "", List.of());
  }

  StageProgress soaking(Instant now) {
    return new StageProgress(
        StageState.SOAKING, openedAt, Optional.of(now), orderedSince, "", evidence);
  }

  StageProgress ordered(Instant now) {
    return orderedSince.isPresent()
        ? this
        : new StageProgress(state, openedAt, soakingSince, Optional.of(now), reason, evidence);
  }

  // Every look has other numbers: only a changed verdict is worth keeping.
  StageProgress judged(List<GateResult> results) {
    return verdicts(results).equals(verdicts(evidence)) ? this : with(results);
  }

  private static List<String> verdicts(List<GateResult> results) {
    return results.stream()
        .map(result -> result.gate() + "/" + result.scope() + "/" + result.verdict())
        .toList();
  }

  StageProgress with(List<GateResult> results) {
    return new StageProgress(state, openedAt, soakingSince, orderedSince, reason, results);
  }

  StageProgress closed(StageState end, String why) {
    return new StageProgress(end, openedAt, soakingSince, orderedSince, why, evidence);
  }

  StageProgress triedAgain(Instant now, String why) {
    return new StageProgress(state, Optional.of(now), soakingSince, orderedSince, why, evidence);
  }

  StageProgress reopened(Instant now) {
    return new StageProgress(
        soakingSince.isPresent() ? StageState.SOAKING : StageState.RUNNING,
        Optional.of(now),
        soakingSince.map(before -> now),
        Optional.empty(),
        "",
        evidence);
  }
}
