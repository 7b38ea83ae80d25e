package io.skerry.telemetry.sketch;

import io.skerry.wire.artifact.v1.PrivacyRule;
import java.util.Arrays;
import java.util.List;

/**
 * What a manifest's privacy rules leave to be counted. What a rule drops, hashes or blurs is not
 * counted at all: bins are of the values themselves. What it rounds is counted rounded.
 */
final class PrivacyRules {
  /** The field of a client's own id, of which nothing is counted. */
  static final String CLIENT_ID = "client-id";

  private final List<PrivacyRule> rules;

  PrivacyRules(List<PrivacyRule> rules) {
    this.rules = List.copyOf(rules);
  }

  static String input(String tensor) {
    return "input:" + tensor;
  }

  static String output(String tensor) {
    return "output:" + tensor;
  }

  /** The layout of a manifest with these rules. */
  int format() {
    List<PrivacyRule.Action> actions =
        rules.stream()
            .filter(rule -> !rule.getField().equals(CLIENT_ID))
            .map(PrivacyRule::getAction)
            .distinct()
            .toList();
    if (actions.isEmpty()) {
      return MonitoringPlan.FORMAT;
    }
    return actions.equals(List.of(PrivacyRule.Action.DROP))
        ? MonitoringPlan.FORMAT_DROPPING
        : MonitoringPlan.FORMAT_RULED;
  }

  /** Whether a rule acts on any of the fields. */
  boolean actOn(String... fields) {
    return rules.stream().anyMatch(rule -> names(fields, rule));
  }

  /** Whether a rule keeps all of the fields from being counted. */
  boolean hide(String... fields) {
    return rules.stream()
        .anyMatch(rule -> names(fields, rule) && rule.getAction() != PrivacyRule.Action.ROUND);
  }

  /** What the fields are rounded to, one after the other. */
  double[] steps(String... fields) {
    return rules.stream()
        .filter(rule -> names(fields, rule) && rule.getAction() == PrivacyRule.Action.ROUND)
        .mapToDouble(PrivacyRule::getStep)
        .toArray();
  }

  private static boolean names(String[] fields, PrivacyRule rule) {
    return Arrays.asList(fields).contains(rule.getField());
  }

  static float rounded(float value, double[] steps) {
    return (float) rounded((double) value, steps);
  }

  static double rounded(double value, double[] steps) {
    double rounded = value;
    for (double step : steps) {
      rounded = Math.rint(rounded / step) * step;
    }
    return rounded;
  }
}
