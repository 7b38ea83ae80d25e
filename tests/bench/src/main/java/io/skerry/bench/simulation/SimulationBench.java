package io.skerry.bench.simulation;

import io.skerry.bench.Claim;
import io.skerry.simulator.scenario.FalseFindings;
import io.skerry.simulator.scenario.Library;
import io.skerry.simulator.scenario.Run;
import io.skerry.simulator.scenario.Scenario;
import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Simulation;
import io.skerry.simulator.world.Story;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.LongStream;

/** What the fleet in a box promises: its speed, its size, its sameness, and what it finds. */
public final class SimulationBench {
  private static final int ROUNDS = 5;
  private static final int SPEED_DEVICES = 100;
  // Compiling takes some twenty seconds whatever is simulated: a long run tells of the rest.
  private static final int SPEED_DAYS = 3 * 365;
  private static final int MEMORY_DEVICES = 10_000;
  private static final int SEEDS = 10_000;
  private static final int SEEDS_QUICK = 20;
  private static final int SEED_DEVICES = 20;
  private static final int SEED_DAYS = 7;
  private static final double HUNT_SECONDS = 600;
  private static final int HUNT_SEEDS = 400;
  private static final int HUNT_SEEDS_OFF = 3;

  /** Held, so that its level stays. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  private final Predicate<String> wanted;
  private final boolean quick;
  private final Consumer<Claim> told;
  private final List<Claim> claims = new ArrayList<>();

  private SimulationBench(Predicate<String> wanted, boolean quick, Consumer<Claim> told) {
    this.wanted = wanted;
    this.quick = quick;
    this.told = told;
  }

  /** Measures what is wanted. */
  public static List<Claim> measure(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
      throws Exception {
    // With the server's logging, which is here too, a broken disk's lines cost more than the fleet.
    System.setProperty("slf4j.provider", "org.slf4j.jul.JULServiceProvider");
    LOG.setLevel(Level.OFF);
    SimulationBench bench = new SimulationBench(wanted, quick, told);
    bench.speed();
    bench.memory();
    bench.sameness();
    for (PlantedFault fault : PlantedFault.ALL) {
      bench.planted(fault);
    }
    bench.notPlanted();
    bench.seeds();
    return bench.claims;
  }

  private void claim(
      String name, String required, double measured, String unit, boolean held, String detail) {
    Claim claim = new Claim(name, required, measured, unit, held, detail);
    claims.add(claim);
    told.accept(claim);
  }

  private static double processSeconds() {
    return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
            .getProcessCpuTime()
        / 1e9;
  }

  private static Simulation light(long seed, int devices, int days) {
    return new Simulation(
        new Simulation.Plan(
            seed,
            Settings.light(devices),
            days,
            1,
            fleet -> {
              Story story = new Story(fleet, days);
              story.good(2, 3);
              story.everybodyRuns(1);
            },
            Fault.draw(seed, devices, days, Fault.Rates.LIGHT)),
        0);
  }

  // Everything that the process spends counts: compiling and collecting garbage, too.
  private void speed() {
    if (!wanted.test("speed")) {
      return;
    }
    int days = quick ? SPEED_DAYS / 12 : SPEED_DAYS;
    double[] rates = new double[ROUNDS];
    long events = 0;
    boolean held = true;
    for (int round = 0; round < ROUNDS; round++) {
      double begin = processSeconds();
      Simulation.Outcome outcome = light(1 + round, SPEED_DEVICES, days).run();
      events += outcome.events();
      held &= outcome.held();
      double years = SPEED_DEVICES * (days + 1) / 365.0;
      rates[round] = 60 * years / (processSeconds() - begin);
    }
    double rate = median(rates);
    claim(
        "speed",
        ">= 1000",
        rate,
        "device-years per CPU-minute",
        rate >= 1000 && held,
        "%d devices, %d days, ordinary faults, compiler and collector included; rounds %s, %d events, %s"
            .formatted(
                SPEED_DEVICES,
                days,
                Arrays.toString(rates),
                events,
                held ? "nothing broken" : "an invariant broken"));
  }

  private void memory() {
    if (!wanted.test("memory")) {
      return;
    }
    int devices = quick ? MEMORY_DEVICES / 10 : MEMORY_DEVICES;
    long before = heapBytes();
    Simulation simulation = light(1, devices, 1);
    Simulation.Outcome outcome = simulation.run();
    double kib = (heapBytes() - before) / 1024.0 / devices;
    claim(
        "memory-per-device",
        "<= 50",
        kib,
        "KB",
        kib <= 50 && outcome.held(),
        "%d devices after two days, collected heap, control plane and broker included; %d records"
            .formatted(simulation.fleet().settings().devices(), outcome.records()));
  }

  private static long heapBytes() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      System.gc();
      least =
          Math.min(least, Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
    }
    return least;
  }

  // Alone, and beside others that load the machine.
  private void sameness() throws Exception {
    if (!wanted.test("same-seed-same-hash")) {
      return;
    }
    Scenario random = Library.find("random").orElseThrow();
    Set<String> hashes = new TreeSet<>();
    hashes.add(random.run(11, 8, 3).run(0).outcome().hash());
    List<Thread> crowd = new ArrayList<>();
    List<String> beside = java.util.Collections.synchronizedList(new ArrayList<>());
    for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors(); i++) {
      crowd.add(
          Thread.ofPlatform()
              .start(() -> beside.add(random.run(11, 8, 3).run(0).outcome().hash())));
    }
    for (Thread one : crowd) {
      one.join();
    }
    hashes.addAll(beside);
    claim(
        "same-seed-same-hash",
        "= 1",
        (double) hashes.size(),
        "hashes",
        hashes.size() == 1,
        "one run alone and %d at once: %s".formatted(beside.size(), hashes));
  }

  private void planted(PlantedFault fault) throws Exception {
    String name = "planted-" + fault.name();
    if (!wanted.test(name)) {
      return;
    }
    String[] result = hunted(fault, fault.scenario(), HUNT_SEEDS, HUNT_SECONDS);
    double seconds = Double.parseDouble(result[1]);
    claim(
        name,
        "<= 600",
        seconds,
        "CPU-seconds",
        !result[0].isEmpty() && seconds <= HUNT_SECONDS,
        result[0].isEmpty()
            ? "%s: not found in %s runs".formatted(fault.what(), result[2])
            : "%s: found in run %s by %s".formatted(fault.what(), result[2], result[0]));
  }

  // The same classes, loaded the same way, with nothing changed in them.
  private void notPlanted() throws Exception {
    if (!wanted.test("planted-off")) {
      return;
    }
    Set<String> scenarios = new TreeSet<>();
    PlantedFault.ALL.forEach(fault -> scenarios.add(fault.scenario()));
    List<String> found = new ArrayList<>();
    for (String scenario : scenarios) {
      String[] result = hunted(PlantedFault.NONE, scenario, HUNT_SEEDS_OFF, HUNT_SECONDS);
      if (!result[0].isEmpty()) {
        found.add(result[0]);
      }
    }
    claim(
        "planted-off",
        "= 0",
        (double) found.size(),
        "found",
        found.isEmpty(),
        "%d scenarios that find the planted ones: %s".formatted(scenarios.size(), found));
  }

  @SuppressWarnings("unchecked") // Hunt says what it gives.
  private static String[] hunted(PlantedFault fault, String scenario, int seeds, double secondsMax)
      throws Exception {
    try (PlantedClasses classes = new PlantedClasses(fault)) {
      Callable<String[]> hunt =
          (Callable<String[]>)
              classes
                  .loadClass(Hunt.class.getName())
                  .getConstructor(String.class, int.class, double.class, boolean.class)
                  .newInstance(scenario, seeds, secondsMax, fault.equals(PlantedFault.NONE));
      return hunt.call();
    }
  }

  // A run has one thread and shares nothing with another one.
  private void seeds() {
    if (!wanted.test("random-seeds")) {
      return;
    }
    int many = quick ? SEEDS_QUICK : SEEDS;
    Scenario random = Library.find("random").orElseThrow();
    FalseFindings findings = new FalseFindings();
    double begin = processSeconds();
    List<Long> broken =
        LongStream.rangeClosed(1, many)
            .parallel()
            .filter(seed -> breaks(random, seed, findings))
            .boxed()
            .toList();
    double each = (processSeconds() - begin) / many;
    claim(
        "random-seeds",
        "= 0",
        (double) broken.size(),
        "seeds that break",
        broken.isEmpty(),
        "of %d, %d devices for %d days and 3 to settle, %.2f CPU-seconds each: %s"
            .formatted(many, SEED_DEVICES, SEED_DAYS, each, broken));
    io.skerry.simulator.scenario.Claim incidents = findings.claim();
    claim(
        "random-seeds-false-incidents",
        incidents.required(),
        incidents.measured(),
        incidents.unit(),
        incidents.held() && findings.isAny(),
        incidents.detail());
  }

  private static boolean breaks(Scenario scenario, long seed, FalseFindings findings) {
    Run.Result result = scenario.run(seed, SEED_DEVICES, SEED_DAYS).run(0);
    findings.add(result.outcome());
    return !result.held();
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
