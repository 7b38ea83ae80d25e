package io.skerry.e2e.fault;

import java.util.List;

/**
 * What became of a fault.
 *
 * @param broken promises that were not kept, in words
 * @param figures what was counted, in words
 */
public record Outcome(List<String> broken, List<String> figures) {
  public Outcome {
    broken = List.copyOf(broken);
    figures = List.copyOf(figures);
  }

  /** Whether every promise was kept. */
  public boolean held() {
    return broken.isEmpty();
  }

  /** What a person reads. */
  public String detail() {
    return String.join("; ", held() ? figures : broken);
  }
}
