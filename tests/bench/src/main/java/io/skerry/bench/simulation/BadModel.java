package io.skerry.bench.simulation;

import io.skerry.agent.uplink.ReportCadence;
import io.skerry.simulator.scenario.Claim;
import io.skerry.simulator.scenario.Run;
import io.skerry.simulator.scenario.Scenario;
import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Watch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;

/**
 * A bad version rolled out over a fleet of real agent cores. Also made by reflection, in a world of
 * classes in which a fault is planted.
 */
public final class BadModel implements Callable<String[]> {
  private static final int DAYS = 1;
  private static final int SEED = 1;
  private static final int FAILED_PREDICTION = 1;
  // What devices run, and how rollouts go on; others are of records, and "bench simulation" claims
  // them.
  private static final Set<Integer> OF_ROLLOUTS = Set.of(3, 4);

  private final String behaviour;
  private final int devices;

  /**
   * @param behaviour name of a {@link Behaviour}
   */
  public BadModel(String behaviour, int devices) {
    this.behaviour = behaviour;
    this.devices = devices;
  }

  /**
   * What came of it.
   *
   * @param going 1 unless it was rolled back
   * @param beyond devices that were touched besides the first stage's
   * @param touched devices that were given the version
   * @param notBack devices that do not answer with the old version at the end
   * @param failed predictions that failed where the bad version did not answer; at most 50 are kept
   * @param broken invariants of what devices run and of rollouts, that did not hold
   * @param end of the rollout, in words, and the first of whatever did not hold
   */
  public record Outcome(
      long going, long beyond, long touched, long notBack, long failed, long broken, String end) {
    /** Promises that were not kept. */
    public long total() {
      return going + beyond + notBack + failed + broken;
    }
  }

  /** Runs it. */
  public Outcome run() {
    Told told = new Told(Behaviour.valueOf(behaviour));
    Run.Result result = told.run(SEED, devices, DAYS, List.of()).run(0);
    Story story = told.story.getFirst();
    long failed = 0;
    long broken = 0;
    for (Watch.Break one : result.outcome().breaks()) {
      failed += one.invariant() == FAILED_PREDICTION ? 1 : 0;
      broken += OF_ROLLOUTS.contains(one.invariant()) ? 1 : 0;
    }
    return new Outcome(
        story.phase(2).equals("ROLLED_BACK") ? 0 : 1,
        Math.max(0, story.touched(2) - story.firstStage(2)),
        story.touched(2),
        devices - story.running(1),
        failed,
        broken,
        story.phase(2)
            + ": "
            + story.reason(2)
            + (result.outcome().breaks().isEmpty()
                ? ""
                : "; " + result.outcome().breaks().getFirst()));
  }

  /** Failed predictions, devices not back, and all broken promises. */
  @Override
  public String[] call() {
    Outcome outcome = run();
    return new String[] {
      Long.toString(outcome.failed),
      Long.toString(outcome.notBack),
      Long.toString(outcome.total()),
      outcome.toString()
    };
  }

  private static final class Told implements Scenario {
    private final List<Story> story = new ArrayList<>();
    private final Behaviour behaviour;

    Told(Behaviour behaviour) {
      this.behaviour = behaviour;
    }

    @Override
    public String name() {
      return "bad-model";
    }

    @Override
    public String claim() {
      return "a bad version is taken back in its first stage";
    }

    @Override
    public int settleDays() {
      return 1;
    }

    // As busy ones, but most predictions are counted at once and reports are rarer: who answers how
    // is the same.
    @Override
    public Settings settings(int devices) {
      Settings busy = Settings.busy(devices);
      return new Settings(
          devices,
          busy.sites(),
          busy.predictions(),
          busy.measured() / 10,
          busy.outcomes(),
          busy.window(),
          busy.windowGrace(),
          new ReportCadence(Duration.ofHours(1), Duration.ofHours(6)),
          busy.timing(),
          busy.spoolBytesMax(),
          busy.sampling(),
          busy.engineMillis(),
          busy.sweepMillis(),
          false);
    }

    @Override
    public void tell(Story told) {
      story.add(told);
      told.everybodyRuns(1);
      told.bad(2, behaviour);
      told.roll(Duration.ofHours(6), 2, List.of(10, 50, 100));
    }

    @Override
    public List<Claim> judge(Story told) {
      return List.of();
    }
  }
}
