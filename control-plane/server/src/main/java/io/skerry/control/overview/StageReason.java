package io.skerry.control.overview;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A stage's reason, taken apart for reading: {@code lead. gate (scope) VERDICT: numbers; gate ...}.
 * A reason of another form is all lead.
 *
 * @param lead what is said before the gates
 * @param against gates that did not let the stage pass
 * @param others the other gates
 */
public record StageReason(String lead, List<Gate> against, List<Gate> others) {
  private static final Pattern GATE =
      Pattern.compile("([a-z0-9-]+) \\(([^()]+)\\) (PASS|FAIL|INCONCLUSIVE|NO_DATA): ");

  public StageReason {
    against = List.copyOf(against);
    others = List.copyOf(others);
  }

  /**
   * What one gate said.
   *
   * @param scope a hardware profile, or {@code pooled}
   */
  public record Gate(String name, String scope, String verdict, String numbers) {}

  /** Takes a reason apart. */
  public static StageReason of(@Nullable String reason) {
    String text = reason == null ? "" : reason;
    List<Gate> against = new ArrayList<>();
    List<Gate> others = new ArrayList<>();
    Matcher matcher = GATE.matcher(text);
    String lead = text;
    boolean found = matcher.find();
    if (found) {
      lead = text.substring(0, matcher.start());
    }
    while (found) {
      String name = matcher.group(1);
      String scope = matcher.group(2);
      String verdict = matcher.group(3);
      int from = matcher.end();
      found = matcher.find();
      String numbers = text.substring(from, found ? matcher.start() : text.length());
      Gate gate = new Gate(name, scope, verdict, trimmed(numbers));
      List<Gate> side = verdict.equals("FAIL") ? against : others;
      // What failed is often said first and again in its place.
      if (!side.contains(gate)) {
        side.add(gate);
      }
    }
    return new StageReason(trimmed(lead), against, others);
  }

  private static String trimmed(String text) {
    return text.strip().replaceAll("[.;:]+$", "");
  }
}
