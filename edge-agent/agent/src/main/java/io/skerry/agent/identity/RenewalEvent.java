package io.skerry.agent.identity;

/** What happens to a renewal. */
sealed interface RenewalEvent {
  /** Time passed. */
  record Ticked() implements RenewalEvent {}

  /** A new certificate is here and on disk. */
  record Issued(Validity next) implements RenewalEvent {}

  /** No new certificate came. */
  record Failed() implements RenewalEvent {}

  /**
   * A connection was made.
   *
   * @param withNext with the new certificate
   */
  record Connected(boolean withNext) implements RenewalEvent {}
}
