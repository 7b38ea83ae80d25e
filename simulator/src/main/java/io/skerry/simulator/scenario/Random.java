package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Story;
import java.util.List;

/** Everything goes wrong that can, while versions roll out. */
final class Random implements Scenario {
  @Override
  public String name() {
    return "random";
  }

  @Override
  public String claim() {
    return "whatever goes wrong in whatever order, nothing breaks that must always hold";
  }

  @Override
  public int devices() {
    return 20;
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
  public int settleDays() {
    return 3;
  }

  @Override
  public Fault.Rates faults() {
    return Fault.Rates.HARD;
  }

  @Override
  public void tell(Story story) {
    story.good(2, 3);
    story.admitNewcomers();
    story.everybodyRuns(1);
    story.roll(story.part(3, 7), 2, List.of(10, 50, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of();
  }
}
