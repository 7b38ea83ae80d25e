package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Simulation;
import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Watch;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A scenario with everything that it will run with. */
public final class Run {
  /** The claim that nothing was thrown on the way. */
  public static final String ENDS = "run-ends";

  private static final String BREAKS = "invariant-breaks";
  // What stands before the first figure, or behind it where it is first.
  private static final Pattern WORDS = Pattern.compile("[0-9]*[^0-9:\\[(]*");

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

    /**
     * What does not hold, without its figures, the first first: a run that fails otherwise has
     * another one.
     */
    List<String> symptoms() {
      return Stream.concat(
              outcome.breaks().stream().map(Run::symptom),
              claims.stream()
                  .filter(claim -> !claim.held() && !claim.name().equals(BREAKS))
                  .map(Claim::name))
          .distinct()
          .toList();
    }

    /** Whether this does not hold. */
    boolean fails(String symptom) {
      return symptoms().contains(symptom);
    }
  }

  private static String symptom(Watch.Break broken) {
    Matcher words = WORDS.matcher(broken.what());
    return "invariant %d, %s"
        .formatted(
            broken.invariant(),
            words.lookingAt() ? words.group().replaceFirst("^[0-9]+", "").strip() : "");
  }

  /** Runs to the end and judges; what is thrown on the way is a claim that does not hold. */
  public Result run(int linesMax) {
    Simulation simulation = new Simulation(plan, linesMax);
    List<Claim> claims = new ArrayList<>();
    List<Claim> judged = List.of();
    try {
      simulation.run();
      judged = scenario.judge(Objects.requireNonNull(story.get(), "told by the run"));
    } catch (OutOfMemoryError e) {
      throw e;
    } catch (RuntimeException | Error e) {
      claims.add(Claim.holds(ENDS, false, thrown(e)));
    }
    Simulation.Outcome outcome = simulation.outcome();
    claims.add(
        new Claim(
            BREAKS,
            "= 0",
            (double) outcome.breakCount(),
            "breaks",
            outcome.held(),
            outcome.breaks().isEmpty() ? "" : outcome.breaks().getFirst().toString()));
    claims.addAll(judged);
    return new Result(outcome, claims);
  }

  // What was thrown and where: a claim has one line.
  private static String thrown(Throwable e) {
    StackTraceElement[] frames = e.getStackTrace();
    return frames.length == 0 ? e.toString() : "%s at %s".formatted(e, frames[0]);
  }
}
