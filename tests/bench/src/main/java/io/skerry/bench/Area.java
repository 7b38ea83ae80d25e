package io.skerry.bench;

import io.skerry.bench.agent.AgentBench;
import io.skerry.bench.drift.DriftBench;
import io.skerry.bench.simulation.SimulationBench;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What can be measured. */
enum Area {
  /** Every fault of the catalogue, at every point. */
  LINK(LinkBench::measure),
  /** What the agent adds to the engine. */
  AGENT(AgentBench::measure),
  /** Rates of the gates, bad models, and the engine on a large fleet. */
  ROLLOUTS(RolloutsBench::measure),
  /** What the packager makes of three real models, beside other tools. */
  PACKAGER(PackagerBench::measure),
  /** The drift ledger on fleets of known truth, what a device pays, and storing windows. */
  DRIFT(Area::drift),
  /** The fleet in a box: its speed, its size, its sameness, and the mistakes that it finds. */
  SIMULATION(SimulationBench::measure);

  @SuppressWarnings("ImmutableEnumChecker") // A reference to a static method.
  private final Measurement measurement;

  Area(Measurement measurement) {
    this.measurement = measurement;
  }

  /** A run of an area. */
  interface Measurement {
    /**
     * Measures.
     *
     * @param wanted names of claims to measure
     * @param quick whether a few points of every loop are enough
     * @param told of each claim at once
     */
    List<Claim> measure(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
        throws Exception;
  }

  private static List<Claim> drift(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
      throws Exception {
    List<Claim> claims = new ArrayList<>(DriftBench.measure(wanted, quick, told));
    claims.addAll(IngestBench.measure(wanted, quick, told));
    return claims;
  }

  Measurement measurement() {
    return measurement;
  }

  static String names() {
    return Arrays.stream(values()).map(Area::toString).collect(Collectors.joining(", "));
  }

  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
