package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Story.Wrong;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** The same values mean something else. */
final class DriftConcept implements Scenario {
  // What turns out is turned around, and with it how often a prediction is wrong.
  private static final Set<String> BY_OUTCOMES =
      Set.of("site=site-b $error", "site=site-b $actual:1");

  // Devices learn for two days.
  private static final Duration FROM = Duration.ofDays(3);

  @Override
  public String name() {
    return "drift-concept";
  }

  @Override
  public String claim() {
    return "where the same values come to mean something else, outcomes open one incident at the site,"
        + " and no input is blamed for it";
  }

  @Override
  public int devices() {
    return 60;
  }

  @Override
  public int days() {
    return 5;
  }

  @Override
  public int settleDays() {
    return 1;
  }

  @Override
  public Settings settings(int devices) {
    return Settings.busy(devices);
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.accuracyFrom(Duration.ofHours(12), FROM, "site-b");
    story.wrong(FROM, "site-b", Wrong.CONCEPT, 1, 1);
  }

  @Override
  public List<Claim> judge(Story story) {
    List<String> incidents = story.incidents();
    long windows = incidents.isEmpty() ? Long.MAX_VALUE : story.windowsUntilFound(FROM).getFirst();
    return List.of(
        Claim.atLeast("accuracy-before", .8, story.accuracyBefore(), "share"),
        Claim.atMost("accuracy-after", .4, story.accuracyAfter(), "share"),
        Claim.holds(
            "one-incident-at-the-site",
            incidents.size() == 1 && BY_OUTCOMES.contains(incidents.getFirst()),
            incidents.toString()),
        Claim.atMost("windows-until-found", 12, windows, "windows"));
  }
}
