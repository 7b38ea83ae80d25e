package io.skerry.agent.identity;

import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * Renews a certificate at two thirds of its life, and never gives up the one that works.
 *
 * <pre>
 *            due            issued              connected with the new one
 * Resting ---------> Asking -------> Proving ------------------------------> Resting
 *                    |    ^             |
 *             failed |    | time        | only the current one connects, again and again
 *                    v    |             v
 *                    Waiting <----------+
 * </pre>
 *
 * <p>A certificate that has run out is asked for all the same: the control plane decides. Waits
 * grow and are scattered, so that a fleet that was enrolled in one minute does not renew in one.
 */
final class RenewalMachine {
  /** Connections that only the current certificate makes, until the new one is given up. */
  static final int REFUSALS_MAX = 5;

  private static final Duration WAIT_FIRST = Duration.ofMinutes(1);
  private static final Duration WAIT_MAX = Duration.ofHours(6);
  private static final Duration WAIT_LEAST = Duration.ofSeconds(1);
  private static final int DOUBLINGS_MAX = 16;

  private final long seed;

  /** A machine; another seed scatters otherwise. */
  RenewalMachine(long seed) {
    this.seed = seed;
  }

  /** A state and what to do on entering it. */
  record Transition(RenewalState state, List<RenewalEffect> effects) {
    Transition {
      effects = List.copyOf(effects);
    }

    static Transition to(RenewalState state, RenewalEffect... effects) {
      return new Transition(state, List.of(effects));
    }
  }

  /** When a certificate is renewed: from two thirds of its life to three quarters. */
  Instant dueAt(Validity certificate) {
    Duration life = certificate.life();
    long scatter = (long) (share(certificate.notAfter().getEpochSecond()) * life.toMillis() / 12);
    return certificate.notBefore().plus(life.multipliedBy(2).dividedBy(3)).plusMillis(scatter);
  }

  Transition on(RenewalState state, RenewalEvent event, Instant now) {
    return switch (state) {
      case RenewalState.Resting(Validity current) ->
          event instanceof RenewalEvent.Ticked && !now.isBefore(dueAt(current))
              ? Transition.to(new RenewalState.Asking(current, 0), RenewalEffect.ASK)
              : Transition.to(state);
      case RenewalState.Asking asking -> answered(asking, event, now);
      case RenewalState.Waiting(Validity current, int failures, Instant retryAt) ->
          event instanceof RenewalEvent.Ticked && isReached(retryAt, current, now)
              ? Transition.to(new RenewalState.Asking(current, failures), RenewalEffect.ASK)
              : Transition.to(state);
      case RenewalState.Proving proving -> proven(proving, event, now);
    };
  }

  private Transition answered(RenewalState.Asking asking, RenewalEvent event, Instant now) {
    return switch (event) {
      case RenewalEvent.Issued(Validity next) ->
          Transition.to(
              new RenewalState.Proving(asking.current(), next, 0, now.plus(wait(next, 0))),
              RenewalEffect.RECONNECT);
      case RenewalEvent.Failed failed ->
          Transition.to(waiting(asking.current(), asking.failures() + 1, now));
      case RenewalEvent.Ticked ticked -> Transition.to(asking);
      case RenewalEvent.Connected connected -> Transition.to(asking);
    };
  }

  private Transition proven(RenewalState.Proving proving, RenewalEvent event, Instant now) {
    Validity current = proving.current();
    Validity next = proving.next();
    int refusals = proving.refusals();
    return switch (event) {
      case RenewalEvent.Connected(boolean withNext) when withNext ->
          Transition.to(new RenewalState.Resting(next), RenewalEffect.SWITCH);
      case RenewalEvent.Connected connected when refusals + 1 >= REFUSALS_MAX ->
          Transition.to(waiting(current, REFUSALS_MAX, now), RenewalEffect.DISCARD);
      case RenewalEvent.Connected connected ->
          Transition.to(
              new RenewalState.Proving(
                  current, next, refusals + 1, now.plus(wait(next, refusals + 1))));
      case RenewalEvent.Ticked ticked when next.isOver(now) ->
          Transition.to(waiting(current, 0, now), RenewalEffect.DISCARD);
      case RenewalEvent.Ticked ticked when isReached(proving.tryAgainAt(), next, now) ->
          Transition.to(
              new RenewalState.Proving(current, next, refusals, now.plus(wait(next, refusals + 1))),
              RenewalEffect.RECONNECT);
      case RenewalEvent.Ticked ticked -> Transition.to(proving);
      case RenewalEvent.Issued issued -> Transition.to(proving);
      case RenewalEvent.Failed failed -> Transition.to(proving);
    };
  }

  private RenewalState.Waiting waiting(Validity current, int failures, Instant now) {
    return new RenewalState.Waiting(current, failures, now.plus(wait(current, failures)));
  }

  // A clock that was put back must not turn a wait of minutes into one of years.
  private static boolean isReached(Instant at, Validity certificate, Instant now) {
    return !now.isBefore(at) || Duration.between(now, at).compareTo(longest(certificate)) > 0;
  }

  private Duration wait(Validity certificate, int failures) {
    Duration first = clamp(certificate.life().dividedBy(7200), WAIT_LEAST, WAIT_FIRST);
    Duration grown = first.multipliedBy(1L << Math.min(failures, DOUBLINGS_MAX));
    Duration most = longest(certificate);
    long millis = (grown.compareTo(most) < 0 ? grown : most).toMillis();
    return Duration.ofMillis(millis / 2 + (long) (share(failures) * millis / 2));
  }

  private static Duration longest(Validity certificate) {
    return clamp(certificate.life().dividedBy(60), WAIT_LEAST, WAIT_MAX);
  }

  private static Duration clamp(Duration value, Duration least, Duration most) {
    if (value.compareTo(least) < 0) {
      return least;
    }
    return value.compareTo(most) > 0 ? most : value;
  }

  /** Between 0 and 1, the same for the same seed and salt (SplitMix64's finisher). */
  private double share(long salt) {
    long mixed = seed + salt * 0x9e3779b97f4a7c15L;
    mixed = (mixed ^ (mixed >>> 30)) * 0xbf58476d1ce4e5b9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
    return ((mixed ^ (mixed >>> 31)) >>> 11) * 0x1.0p-53;
  }
}
