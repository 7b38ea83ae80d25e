package io.skerry.e2e.fault;

import java.util.List;
import java.util.Optional;

/**
 * What became of a fault.
 *
 * @param broken promises that were not kept, in words
 * @param figures what was counted, in words
 * @param notRun why this machine cannot make it; empty when it was made
 */
public record Outcome(List<String> broken, List<String> figures, Optional<String> notRun) {
  public Outcome {
    broken = List.copyOf(broken);
    figures = List.copyOf(figures);
  }

  /** Whether it was made and every promise was kept. */
  public boolean held() {
    return broken.isEmpty() && notRun.isEmpty();
  }

  /** What a person reads. */
  public String detail() {
    return notRun
        .map(why -> "not run: " + why)
        .orElseGet(() -> String.join("; ", held() ? figures : broken));
  }
}
