package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.util.List;

/** What incidents say. */
final class Incidents {
  private Incidents() {}

  /** Whether there is one incident, at this cohort, and about this feature unless empty. */
  static boolean isOneAt(Story story, String cohort, String feature) {
    List<String> incidents = story.incidents();
    return incidents.size() == 1
        && incidents.getFirst().startsWith(cohort + " ")
        && (feature.isEmpty() || incidents.getFirst().endsWith(" " + feature));
  }
}
