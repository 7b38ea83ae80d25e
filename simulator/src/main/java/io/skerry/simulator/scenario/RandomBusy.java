package io.skerry.simulator.scenario;

import io.skerry.protocol.RecordStream;
import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Story;
import java.util.List;

/** Everything goes wrong that can, while samples and outcomes go up beside windows. */
final class RandomBusy implements Scenario {
  @Override
  public String name() {
    return "random-busy";
  }

  @Override
  public String claim() {
    return "whatever goes wrong in whatever order, samples and outcomes are kept and stored once, as windows are";
  }

  @Override
  public int devices() {
    return 8;
  }

  @Override
  public int devicesMin() {
    return TraceFile.DEVICES_MIN;
  }

  @Override
  public int days() {
    return 2;
  }

  @Override
  public int daysMin() {
    return 1;
  }

  @Override
  public Settings settings(int devices) {
    return Settings.busy(devices);
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
    story.roll(story.part(2, 7), 2, List.of(10, 50, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.atLeast("samples-stored", 1L, story.stored(RecordStream.SAMPLES), "samples"),
        Claim.atLeast("outcomes-stored", 1L, story.stored(RecordStream.FEEDBACK), "outcomes"));
  }
}
