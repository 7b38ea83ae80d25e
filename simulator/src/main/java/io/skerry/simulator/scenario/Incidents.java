package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.util.List;

/** What incidents say. */
final class Incidents {
  private Incidents() {}

  /**
   * Whether there are incidents, all at this cohort; the first about this feature, unless empty.
   */
  static boolean areAt(Story story, String cohort, String feature) {
    List<String> incidents = story.incidents();
    return !incidents.isEmpty()
        && incidents.stream().allMatch(incident -> incident.startsWith(cohort + " "))
        && (feature.isEmpty() || incidents.getFirst().endsWith(" " + feature));
  }
}
