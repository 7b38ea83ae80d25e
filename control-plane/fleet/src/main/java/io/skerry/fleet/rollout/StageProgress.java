package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.GateResult;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One stage of a rollout under way.
 *
 * @param openedAt when it began, and its evidence with it; moved when a paused rollout is resumed
 * @param soakingSince when its last device came to an end
 * @param orderedSince when, for the first time, none of its devices waited for an order any more
 * @param reason why it is in this state, empty while nothing is to be said
 * @param evidence the gates' results when a verdict changed last, or when the stage was closed
 * @param countsSince start of its deadline where that is not {@code openedAt}: moved on by the time
 *     in which nobody was heard, or the windows were closed
 * @param spent of its deadline when the windows closed
 */
public record StageProgress(
    StageState state,
    Optional<Instant> openedAt,
    Optional<Instant> soakingSince,
    Optional<Instant> orderedSince,
    String reason,
    List<GateResult> evidence,
    Optional<Instant> countsSince,
    Optional<Duration> spent) {
  /** A stage that was not opened yet. */
  public static final StageProgress PENDING =
      begun(StageState.PENDING, Optional.empty(), Optional.empty());

  /** What was kept before there was one of the optional times has none. */
  public StageProgress {
    orderedSince = Objects.requireNonNullElse(orderedSince, Optional.empty());
    evidence = List.copyOf(evidence);
    countsSince = Objects.requireNonNullElse(countsSince, Optional.empty());
    spent = Objects.requireNonNullElse(spent, Optional.empty());
  }

  private static StageProgress begun(
      StageState state, Optional<Instant> openedAt, Optional<Instant> soakingSince) {
    return new StageProgress(
        state,
        openedAt,
        soakingSince,
        Optional.empty(),
        "",
        List.of(),
        Optional.empty(),
        Optional.empty());
  }

  static StageProgress opened(Instant now) {
    return begun(StageState.RUNNING, Optional.of(now), Optional.empty());
  }

  StageProgress soaking(Instant now) {
    return new StageProgress(
        StageState.SOAKING,
        openedAt,
        Optional.of(now),
        orderedSince,
        "",
        evidence,
        countsSince,
        spent);
  }

  StageProgress ordered(Instant now) {
    return orderedSince.isPresent()
        ? this
        : new StageProgress(
            state, openedAt, soakingSince, Optional.of(now), reason, evidence, countsSince, spent);
  }

  // Every look has other numbers: only a changed verdict is worth keeping.
  StageProgress judged(List<GateResult> results) {
    return haveSameVerdicts(results, evidence) ? this : with(results);
  }

  private static boolean haveSameVerdicts(List<GateResult> some, List<GateResult> others) {
    if (some.size() != others.size()) {
      return false;
    }
    for (int i = 0; i < some.size(); i++) {
      GateResult one = some.get(i);
      GateResult other = others.get(i);
      if (one.verdict() != other.verdict()
          || !one.gate().equals(other.gate())
          || !one.scope().equals(other.scope())) {
        return false;
      }
    }
    return true;
  }

  StageProgress with(List<GateResult> results) {
    return new StageProgress(
        state, openedAt, soakingSince, orderedSince, reason, results, countsSince, spent);
  }

  StageProgress closed(StageState end, String why) {
    return new StageProgress(
        end, openedAt, soakingSince, orderedSince, why, evidence, countsSince, spent);
  }

  StageProgress triedAgain(Instant now, String why) {
    return new StageProgress(
        state,
        Optional.of(now),
        soakingSince,
        orderedSince,
        why,
        evidence,
        Optional.empty(),
        Optional.empty());
  }

  StageProgress reopened(Instant now) {
    return begun(
            soakingSince.isPresent() ? StageState.SOAKING : StageState.RUNNING,
            Optional.of(now),
            soakingSince.map(before -> now))
        .with(evidence);
  }

  /** Since when its deadline counts. */
  public Optional<Instant> deadlineSince() {
    return countsSince.or(() -> openedAt);
  }

  // Who comes by day only is late some day, too.
  StageProgress closing(Instant now) {
    return counting(countsSince, deadlineSince().map(since -> Duration.between(since, now)));
  }

  StageProgress openedAgain(Instant now) {
    StageProgress again = reopened(now);
    return spent.isEmpty() ? again : again.counting(spent.map(now::minus), Optional.empty());
  }

  private StageProgress counting(Optional<Instant> since, Optional<Duration> before) {
    return new StageProgress(
        state, openedAt, soakingSince, orderedSince, reason, evidence, since, before);
  }

  // The evidence keeps its beginning: what devices saw meanwhile they send afterwards.
  StageProgress unheard(Duration silence, Instant now) {
    return new StageProgress(
        state,
        openedAt,
        soakingSince.map(since -> later(since, silence, now)),
        orderedSince.map(since -> later(since, silence, now)),
        reason,
        evidence,
        deadlineSince().map(since -> later(since, silence, now)),
        spent);
  }

  // Of a silence that began earlier only what came after it.
  private static Instant later(Instant since, Duration silence, Instant now) {
    Duration most = Duration.between(since, now);
    return most.isNegative() ? since : since.plus(silence.compareTo(most) < 0 ? silence : most);
  }
}
