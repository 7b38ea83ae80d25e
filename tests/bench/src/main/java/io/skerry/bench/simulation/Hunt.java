package io.skerry.bench.simulation;

import io.skerry.simulator.scenario.Claim;
import io.skerry.simulator.scenario.Library;
import io.skerry.simulator.scenario.Run;
import io.skerry.simulator.scenario.Scenario;
import java.lang.management.ManagementFactory;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Simulates until something does not hold: first one scenario, then everything going wrong with one
 * seed after the other. Made by reflection, in a world of classes in which a fault may be planted.
 */
public final class Hunt implements Callable<String[]> {
  private static final int DEVICES = 10;
  private static final int DAYS = 5;

  /** Held, so that its level stays. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  private final String first;
  private final int seeds;
  private final double secondsMax;
  private final boolean alsoThrown;

  /**
   * @param first scenario to begin with
   * @param seeds of random faults to run besides, at most
   * @param secondsMax of processor time
   * @param alsoThrown whether it is enough that something is thrown: that shows that a class was
   *     changed, and not that anybody looks at what it does
   */
  public Hunt(String first, int seeds, double secondsMax, boolean alsoThrown) {
    this.first = first;
    this.seeds = seeds;
    this.secondsMax = secondsMax;
    this.alsoThrown = alsoThrown;
  }

  private record Wanted(Scenario scenario, long seed, int devices, int days) {}

  /** What did not hold, empty if everything did; seconds of processor time; runs. */
  @Override
  public String[] call() {
    LOG.setLevel(Level.OFF);
    Deque<Wanted> wanted = wanted();
    long begin = nanos();
    int runs = 0;
    while (!wanted.isEmpty() && seconds(begin) < secondsMax) {
      Wanted next = wanted.removeFirst();
      runs++;
      String found = found(next);
      if (!found.isEmpty()) {
        return new String[] {found, Double.toString(seconds(begin)), Integer.toString(runs)};
      }
    }
    return new String[] {"", Double.toString(seconds(begin)), Integer.toString(runs)};
  }

  private Deque<Wanted> wanted() {
    Deque<Wanted> wanted = new ArrayDeque<>();
    Library.find(first).ifPresent(scenario -> wanted.add(whole(scenario)));
    Scenario random = Library.find("random").orElseThrow();
    for (int seed = 1; seed <= seeds; seed++) {
      wanted.add(new Wanted(random, seed, DEVICES, DAYS));
    }
    return wanted;
  }

  private static Wanted whole(Scenario scenario) {
    return new Wanted(scenario, 1, scenario.devices(), scenario.days());
  }

  private String found(Wanted next) {
    String where = "%s, seed %d: ".formatted(next.scenario().name(), next.seed());
    Run.Result result = next.scenario().run(next.seed(), next.devices(), next.days()).run(0);
    return broken(result.claims(), alsoThrown)
        .map(claim -> where + claim.name() + " " + claim.detail())
        .orElse("");
  }

  /** The first claim that does not hold. */
  static Optional<Claim> broken(List<Claim> claims, boolean alsoThrown) {
    return claims.stream()
        .filter(claim -> !claim.held() && (alsoThrown || !claim.name().equals(Run.ENDS)))
        .findFirst();
  }

  private static long nanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private static double seconds(long begin) {
    return (nanos() - begin) / 1e9;
  }
}
