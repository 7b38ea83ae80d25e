package io.skerry.agent.identity;

/** What a renewal wants done. */
enum RenewalEffect {
  /** Ask for a certificate for a new key. */
  ASK,
  /** Connect again, the new certificate first. */
  RECONNECT,
  /** The new certificate is proven: use it from now on, and forget the old one. */
  SWITCH,
  /** The new certificate is of no use: forget it. */
  DISCARD
}
