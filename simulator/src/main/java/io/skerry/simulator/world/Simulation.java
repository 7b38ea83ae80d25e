package io.skerry.simulator.world;

import java.util.List;

/** One run: a fleet, a script, what goes wrong, and what did not hold. */
public final class Simulation {
  private final World world;
  private final Trace trace;
  private final Fleet fleet;
  private final FaultInjector injector;
  private final Plan plan;

  /**
   * What is run.
   *
   * @param days before everything is healed
   * @param settleDays that everything then has to come to an end, and the grace of the window that
   *     ends with them or after them
   */
  public record Plan(
      long seed, Settings settings, int days, int settleDays, Script script, List<Fault> faults) {
    public Plan {
      faults = List.copyOf(faults);
    }

    /** The same with other faults. */
    public Plan with(List<Fault> others) {
      return new Plan(seed, settings, days, settleDays, script, others);
    }
  }

  /** What is done in a run besides what goes wrong. */
  @FunctionalInterface
  public interface Script {
    /** Prepares everything; nothing has happened yet. */
    void prepare(Fleet fleet);
  }

  /**
   * How it ended.
   *
   * @param hash of everything that happened
   * @param judged windows in which nothing drifts and something could have been found
   * @param falseFindings of these, on inputs
   */
  public record Outcome(
      String hash,
      List<Watch.Break> breaks,
      long breakCount,
      long events,
      long predictions,
      long records,
      long judged,
      long falseFindings,
      List<String> lines) {
    /** Whether everything held. */
    public boolean held() {
      return breakCount == 0;
    }
  }

  /**
   * @param linesMax of the trace that are kept in words
   */
  public Simulation(Plan plan, int linesMax) {
    this.plan = plan;
    this.trace = new Trace(linesMax);
    this.world = new World(plan.seed(), trace);
    this.fleet = new Fleet(world, plan.settings());
    this.injector = new FaultInjector(fleet);
  }

  /** The fleet, to be asked what became of it. */
  public Fleet fleet() {
    return fleet;
  }

  /** Runs to the end. */
  public Outcome run() {
    plan.script().prepare(fleet);
    plan.faults().forEach(injector::plan);
    fleet.begin();
    for (int day = 1; day <= plan.days(); day++) {
      world.runUntil(World.BEGIN + day * World.DAY);
      fleet.watch().checkBounds();
    }
    injector.heal();
    world.runUntil(end());
    fleet.watch().checkSettled();
    return outcome();
  }

  // The records of the last window get the time that those of all others had: what applications
  // asked for in the moment before would be on its way, and look lost.
  private long end() {
    long days = World.BEGIN + (plan.days() + plan.settleDays()) * World.DAY;
    long window = plan.settings().window().toMillis();
    return Math.ceilDiv(days, window) * window + plan.settings().windowGrace().toMillis();
  }

  /** What became of it until now. */
  public Outcome outcome() {
    return new Outcome(
        trace.hash(),
        fleet.watch().breaks(),
        fleet.watch().breakCount(),
        world.happened(),
        fleet.watch().predictionsStored(),
        fleet.watch().recordsStored(),
        fleet.watch().judgedWithoutDrift(),
        fleet.watch().falseFindings(),
        trace.lines());
  }
}
