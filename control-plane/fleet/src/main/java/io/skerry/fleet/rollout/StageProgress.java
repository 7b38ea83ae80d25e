package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.GateResult;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * One stage of a rollout under way.
 *
 * @param openedAt start of its deadlines; moved when a paused rollout is resumed
 * @param soakingSince when its last device came to an end
 * @param reason why it is in this state, empty while nothing is to be said
 * @param evidence the gates' results when a verdict changed last, or when the stage was closed
 */
public record StageProgress(
    StageState state,
    Optional<Instant> openedAt,
    Optional<Instant> soakingSince,
    String reason,
    List<GateResult> evidence) {
  /** A stage that was not opened yet. */
  public static final StageProgress PENDING =
      new StageProgress(StageState.PENDING, Optional.empty(), Optional.empty(), "", List.of());

  public StageProgress {
    evidence = List.copyOf(evidence);
  }

  static StageProgress opened(Instant now) {
    return new StageProgress(StageState.RUNNING, Optional.of(now), Optional.empty(), "", List.of());
  }

  StageProgress soaking(Instant now) {
    return new StageProgress(StageState.SOAKING, openedAt, Optional.of(now), "", evidence);
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
    return new StageProgress(state, openedAt, soakingSince, reason, results);
  }

  StageProgress closed(StageState end, String why) {
    return new StageProgress(end, openedAt, soakingSince, why, evidence);
  }

  StageProgress triedAgain(Instant now, String why) {
    return new StageProgress(state, Optional.of(now), soakingSince, why, evidence);
  }

  StageProgress reopened(Instant now) {
    return new StageProgress(
        soakingSince.isPresent() ? StageState.SOAKING : StageState.RUNNING,
        Optional.of(now),
        soakingSince.map(before -> now),
        "",
        evidence);
  }
}
