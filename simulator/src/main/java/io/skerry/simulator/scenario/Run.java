package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Simulation;
import io.skerry.simulator.world.Story;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;

/** A scenario with everything that it will run with. */
public final class Run {
  private final Scenario scenario;
  private final Simulation.Plan plan;
  private final AtomicReference<Story> story;

  Run(Scenario scenario, Simulation.Plan plan, AtomicReference<Story> story) {
    this.scenario = scenario;
    this.plan = plan;
    this.story = story;
  }

  /** What is run. */
  public Simulation.Plan plan() {
    return plan;
  }

  /** How a run ended: what happened, and what is claimed about it. */
  public record Result(Simulation.Outcome outcome, List<Claim> claims) {
    public Result {
      claims = List.copyOf(claims);
    }

    /** Whether everything held. */
    public boolean held() {
      return claims.stream().allMatch(Claim::held);
    }
  }

  /** Runs to the end and judges. */
  public Result run(int linesMax) {
    Simulation simulation = new Simulation(plan, linesMax);
    Simulation.Outcome outcome = simulation.run();
    List<Claim> claims = new ArrayList<>();
    claims.add(
        new Claim(
            "invariant-breaks",
            "= 0",
            (double) outcome.breakCount(),
            "breaks",
            outcome.held(),
            outcome.breaks().isEmpty() ? "" : outcome.breaks().getFirst().toString()));
    claims.addAll(scenario.judge(Objects.requireNonNull(story.get(), "told by the run")));
    return new Result(outcome, claims);
  }
}
