package io.skerry.control.alert;

import java.time.Instant;
import java.util.Optional;

/**
 * Something that somebody should know of.
 *
 * @param kind what happened, for example {@code incident.opened}
 * @param object what it happened to, an id
 * @param cause what it is about: alerts of one cause within {@link Routing#QUIET} are told once
 * @param cohort {@code attribute=value}, empty when it is about no cohort
 * @param detail for people
 */
record Alert(
    long id,
    Instant at,
    String kind,
    String object,
    String cause,
    String cohort,
    Severity severity,
    String detail,
    Optional<Instant> resolvedAt) {
  /** Whether it tells of a moment: there is nothing that lasts, and nothing that will end. */
  boolean isMoment() {
    return resolvedAt.filter(at::equals).isPresent();
  }

  /** Unique for all receivers; the same however often it is delivered. */
  String eventId() {
    return "alert-" + id;
  }
}
