package io.skerry.agent.identity;

import java.time.Instant;

/** How the renewal of a certificate stands; {@code current} is the one in use. */
sealed interface RenewalState {
  Validity current();

  /** It is not time yet. */
  record Resting(Validity current) implements RenewalState {}

  /**
   * A new one was asked for.
   *
   * @param failures requests in vain before this one
   */
  record Asking(Validity current, int failures) implements RenewalState {}

  /** The last request was in vain. */
  record Waiting(Validity current, int failures, Instant retryAt) implements RenewalState {}

  /**
   * A new one is here; a connection with it must prove it, and the current one stays until then.
   *
   * @param refusals connections that only the current one made
   * @param tryAgainAt when a connection with the new one is tried again
   */
  record Proving(Validity current, Validity next, int refusals, Instant tryAgainAt)
      implements RenewalState {}
}
