package io.skerry.control.alert;

import java.time.Instant;
import java.util.List;

/**
 * Alerts that nobody wants to hear of for a while; they are kept all the same.
 *
 * @param kind the beginning of kinds, as in {@code incident.}; empty matches all
 * @param cohort its terms, joined by {@code &}: a cohort that has all of them is covered, so that
 *     {@code site=b} keeps quiet what is found on {@code firmware=2 & site=b} too; empty matches
 *     all
 * @param object exactly; empty matches all
 */
record Silence(long id, String kind, String cohort, String object, Instant until) {
  private static final String AND = " & ";

  boolean covers(Alert alert, Instant now) {
    return now.isBefore(until)
        && alert.kind().startsWith(kind)
        && (cohort.isEmpty() || terms(alert.cohort()).containsAll(terms(cohort)))
        && (object.isEmpty() || object.equals(alert.object()));
  }

  private static List<String> terms(String cohort) {
    return List.of(cohort.split(AND, -1));
  }
}
