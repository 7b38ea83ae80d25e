package io.skerry.control.alert;

import java.time.Instant;

/**
 * Alerts that nobody wants to hear of for a while; they are kept all the same.
 *
 * @param kind the beginning of kinds, as in {@code incident.}; empty matches all
 * @param cohort exactly; empty matches all
 * @param object exactly; empty matches all
 */
record Silence(long id, String kind, String cohort, String object, Instant until) {
  boolean covers(Alert alert, Instant now) {
    return now.isBefore(until)
        && alert.kind().startsWith(kind)
        && (cohort.isEmpty() || cohort.equals(alert.cohort()))
        && (object.isEmpty() || object.equals(alert.object()));
  }
}
