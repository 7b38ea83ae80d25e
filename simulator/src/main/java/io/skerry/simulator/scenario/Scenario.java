package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Simulation;
import io.skerry.simulator.world.Story;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** A named story about a fleet, and what must come of it. */
public interface Scenario {
  /** The name, for example {@code rollout-day}. */
  String name();

  /** What it shows, in a sentence. */
  String claim();

  /** How large the fleet is unless told otherwise. */
  default int devices() {
    return 30;
  }

  /** Days before everything is healed. */
  default int days() {
    return 7;
  }

  /** The smallest fleet of which the story can be told. */
  default int devicesMin() {
    return devices();
  }

  /** The fewest days in which it can. */
  default int daysMin() {
    return days();
  }

  /** Days that everything has to come to an end. */
  default int settleDays() {
    return 2;
  }

  /** What the fleet is made of. */
  default Settings settings(int devices) {
    return Settings.light(devices);
  }

  /** What goes wrong besides the story. */
  default Fault.Rates faults() {
    return Fault.Rates.NONE;
  }

  /** Tells the story. */
  void tell(Story story);

  /** What came of it; that nothing broke which must always hold is claimed besides. */
  List<Claim> judge(Story story);

  /** A run of it, with its faults drawn from the seed. */
  default Run run(long seed, int devices, int days) {
    return run(seed, devices, days, Fault.draw(seed, devices, days, faults()));
  }

  /** A run of it with these faults. */
  default Run run(long seed, int devices, int days, List<Fault> faults) {
    AtomicReference<Story> story = new AtomicReference<>();
    Simulation.Plan plan =
        new Simulation.Plan(
            seed,
            settings(devices),
            days,
            settleDays(),
            fleet -> {
              Story told = new Story(fleet, days);
              story.set(told);
              tell(told);
            },
            faults);
    return new Run(this, plan, story);
  }
}
