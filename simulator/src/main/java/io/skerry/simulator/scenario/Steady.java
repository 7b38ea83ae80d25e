package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Story;
import java.util.List;

/** Two ordinary weeks. */
final class Steady implements Scenario {
  @Override
  public String name() {
    return "steady";
  }

  @Override
  public String claim() {
    return "in ordinary weeks with ordinary faults no record is lost and no incident opens";
  }

  @Override
  public int devices() {
    return 60;
  }

  @Override
  public int days() {
    return 14;
  }

  @Override
  public int devicesMin() {
    return TraceFile.DEVICES_MIN;
  }

  @Override
  public int daysMin() {
    return 1;
  }

  @Override
  public Fault.Rates faults() {
    return Fault.Rates.LIGHT;
  }

  @Override
  public void tell(Story story) {
    story.good(2, 3);
    story.everybodyRuns(1);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.exactly("false-incidents", 0, story.incidents().size(), "incidents"),
        Claim.exactly("records-lost", 0, story.lost(), "records"),
        Claim.atLeast("windows-judged", 50, story.windowsJudged(), "windows"));
  }
}
