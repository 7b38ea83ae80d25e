package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.util.List;

/** Days are warmer than nights. */
final class DriftSeasonNull implements Scenario {
  @Override
  public String name() {
    return "drift-season-null";
  }

  @Override
  public String claim() {
    return "what moves everybody alike, day after day, opens no incident";
  }

  @Override
  public int devices() {
    return 60;
  }

  @Override
  public int days() {
    return 21;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.seasons(.8);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.exactly("false-incidents", 0, story.incidents().size(), "incidents"),
        Claim.atLeast("windows-judged", 70, story.windowsJudged(), "windows"));
  }
}
