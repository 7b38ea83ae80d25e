package io.skerry.bench;

import io.skerry.bench.rollouts.GateRates;
import io.skerry.bench.rollouts.SimulatedRollout.Harm;
import io.skerry.bench.simulation.BadModel;
import io.skerry.control.rollout.FleetEvidence;
import io.skerry.control.rollout.RolloutScale;
import io.skerry.protocol.SlotPhase;
import io.skerry.simulator.world.Releases.Behaviour;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;

/**
 * What staged rollouts promise: the gates' rates, bad models, and the engine on 100,000 devices.
 */
final class RolloutsBench {
  private static final int ROLLOUTS = 300;
  private static final int ROLLOUTS_QUICK = 40;
  private static final int BAD_MODEL_DEVICES = 1000;
  private static final int WARM_UP = 4;
  private static final int ROUNDS = 5;
  private static final int TICKS = 15;
  private static final int CHANGED = 500;
  private static final int BROKER_MESSAGES = 10_000;
  private static final int STAGE_SMALL = 200;
  private static final int STAGE_LARGE = 2000;
  private static final List<String> ORDERS =
      List.of("orders-committed", "orders-accepted", "reports");
  private static final List<String> TICK = List.of("tick", "tick-changed", "tick-size");
  private static final List<String> EVIDENCE = List.of("tick-evidence", "tick-evidence-size");
  // Of each rollout, before each tick: more than 20,000 a second over all of them.
  private static final int WINDOWS = 200;
  private static final int FEW_DEVICES = 10_000;

  /** Held, so that its level stays. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  private final Predicate<String> wanted;
  private final boolean quick;
  private final Consumer<Claim> told;
  private final List<Claim> claims = new ArrayList<>();

  private RolloutsBench(Predicate<String> wanted, boolean quick, Consumer<Claim> told) {
    this.wanted = wanted;
    this.quick = quick;
    this.told = told;
  }

  static List<Claim> measure(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
      throws Exception {
    // What devices log of a bad version is thousands of lines.
    System.setProperty("slf4j.provider", "org.slf4j.jul.JULServiceProvider");
    LOG.setLevel(Level.SEVERE);
    RolloutsBench bench = new RolloutsBench(wanted, quick, told);
    for (Harm harm : Harm.values()) {
      bench.rates(harm);
    }
    bench.badModel("crash", Behaviour.CRASH);
    bench.badModel("latency-doubled", Behaviour.TWICE);
    bench.badModel("wrong", Behaviour.WRONG);
    if (Stream.of(ORDERS, TICK, EVIDENCE).flatMap(List::stream).anyMatch(wanted)) {
      bench.scale();
    }
    return bench.claims;
  }

  private void claim(
      String name, String required, double measured, String unit, boolean held, String detail) {
    if (wanted.test(name)) {
      Claim claim = new Claim(name, required, measured, unit, held, detail);
      claims.add(claim);
      told.accept(claim);
    }
  }

  private static String name(Harm harm) {
    return harm.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private void rates(Harm harm) {
    String none = name(harm).replace("none", "null");
    String stopped = none + "-wrongly-stopped";
    String promoted = none + "-promoted";
    String past =
        "harmful-past-%s-%s".formatted(harm.stage() == 0 ? "first" : "second", name(harm));
    boolean isWanted =
        harm.isNone()
            ? wanted.test(stopped) || (harm != Harm.NONE_UNLIKE && wanted.test(promoted))
            : wanted.test(past);
    if (!isWanted) {
      return;
    }
    GateRates.Rates rates =
        GateRates.of(
            harm.stage() == 0 ? GateRates.PLAN : GateRates.DILUTED,
            harm,
            quick ? ROLLOUTS_QUICK : ROLLOUTS);
    if (!harm.isNone()) {
      double share = rates.share(rates.past());
      claim(
          past,
          "<= 0.01",
          share,
          "share",
          share <= .01,
          "%d of %d; stopped %d; %s"
              .formatted(rates.past(), rates.rollouts(), rates.wronglyStopped(), rates.minutes()));
      return;
    }
    double wrongly = rates.share(rates.wronglyStopped());
    double through = rates.share(rates.promoted());
    claim(
        stopped,
        "<= 0.01",
        wrongly,
        "share",
        wrongly <= .01,
        "%d of %d; promoted %d"
            .formatted(rates.wronglyStopped(), rates.rollouts(), rates.promoted()));
    if (harm == Harm.NONE_UNLIKE) {
      return;
    }
    claim(
        promoted,
        ">= 0.95",
        through,
        "share",
        through >= .95,
        "%d of %d within every stage's hour; %s"
            .formatted(rates.promoted(), rates.rollouts(), rates.minutes()));
  }

  private void badModel(String what, Behaviour behaviour) {
    String name = "bad-model-" + what;
    if (!wanted.test(name)) {
      return;
    }
    int devices = quick ? BAD_MODEL_DEVICES / 10 : BAD_MODEL_DEVICES;
    BadModel.Outcome outcome = new BadModel(behaviour.name(), devices).run();
    claim(
        name,
        "= 0",
        (double) outcome.total(),
        "broken promises",
        outcome.total() == 0,
        "%d devices with the agent's core: %d touched, %d of them not of the first stage; %d do not run the old version again; %d failed predictions elsewhere; %d broken invariants of rollouts; %s"
            .formatted(
                devices,
                outcome.touched(),
                outcome.beyond(),
                outcome.notBack(),
                outcome.failed(),
                outcome.broken(),
                outcome.end()));
  }

  private void scale() throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("skr");
    try {
      try (RolloutScale scale = RolloutScale.start(folder.resolve("data"))) {
        if (ORDERS.stream().anyMatch(wanted)) {
          orders(scale);
        }
        if (TICK.stream().anyMatch(wanted)) {
          ticks(scale);
          scale.abort();
        }
        if (EVIDENCE.stream().anyMatch(wanted)) {
          evidence(scale);
        }
      }
    } finally {
      delete(folder);
    }
  }

  private void orders(RolloutScale scale) throws InterruptedException {
    double[] seconds = new double[ROUNDS];
    double[] accepted = new double[ROUNDS];
    double[] broker = new double[ROUNDS];
    double[] brokerMicros = new double[ROUNDS];
    double[] signed = new double[ROUNDS];
    double[] jvmMicros = new double[ROUNDS];
    double[] databaseMicros = new double[ROUNDS];
    double[] reports = new double[ROUNDS];
    int orders = 0;
    // A fleet talks to a server that has run for a while: the first rounds are for its compiler.
    for (int round = 0; round < WARM_UP + ROUNDS; round++) {
      int at = Math.max(0, round - WARM_UP);
      RolloutScale.Opened opened = scale.open(1 + round % 3);
      orders = opened.orders();
      seconds[at] = opened.seconds();
      accepted[at] = opened.publishedPerSecond();
      jvmMicros[at] = opened.jvmMicros();
      databaseMicros[at] = opened.databaseMicros();
      RolloutScale.BrokerRate alone = scale.brokerRate(BROKER_MESSAGES, false);
      broker[at] = alone.perSecond();
      brokerMicros[at] = alone.jvmMicros();
      signed[at] = scale.brokerRate(BROKER_MESSAGES, true).perSecond();
      reports[at] =
          Math.min(scale.reportRate(SlotPhase.DOWNLOADING), scale.reportRate(SlotPhase.VERIFYING));
      scale.abort();
    }
    claim(
        "orders-committed",
        "<= 5",
        median(seconds),
        "s",
        median(seconds) <= 5 && orders == RolloutScale.DEVICES / 10,
        "%d orders of %d devices in 10 stages, the rollout's writing down included; %s"
            .formatted(orders, RolloutScale.DEVICES, rounds(seconds)));
    double share = median(accepted) / median(broker);
    claim(
        "orders-accepted",
        ">= 0.9",
        share,
        "of the broker's rate",
        share >= .9,
        "%.0f signed documents a second, each %.1f µs of a core in the JVM, broker included, and %.1f in PostgreSQL; the broker alone takes %.0f of that size, each %.1f µs, and %.0f if each is signed; %s"
            .formatted(
                median(accepted),
                median(jvmMicros),
                median(databaseMicros),
                median(broker),
                median(brokerMicros),
                median(signed),
                rounds(accepted)));
    claim(
        "reports",
        ">= 10000",
        median(reports),
        "1/s",
        median(reports) >= 10_000,
        "decoded, stored, followed and counted in batches of 500, slower of two passes; %s"
            .formatted(rounds(reports)));
  }

  private static String rounds(double[] values) {
    return "rounds %s, after %d that are discarded".formatted(Arrays.toString(values), WARM_UP);
  }

  private void ticks(RolloutScale scale) throws InterruptedException {
    scale.startMany(STAGE_SMALL);
    double small = median(scale.ticks(TICKS, 0));
    scale.abort();
    scale.startMany(STAGE_LARGE);
    double[] still = scale.ticks(TICKS, 0);
    double[] changed = scale.ticks(TICKS, CHANGED);
    long rows = scale.deployments();
    claim(
        "tick",
        "<= 200",
        median(still),
        "ms",
        median(still) <= 200,
        "%d running rollouts, %d deployments, nothing changed; slowest %.1f"
            .formatted(RolloutScale.ROLLOUTS, rows, max(still)));
    claim(
        "tick-changed",
        "<= 200",
        median(changed),
        "ms",
        median(changed) <= 200,
        "%d devices reported before each tick; slowest %.1f".formatted(CHANGED, max(changed)));
    double ratio = median(still) / small;
    claim(
        "tick-size",
        "<= 1.5",
        ratio,
        "times",
        ratio <= 1.5,
        "tick over stages of %d devices against %d: %.1f and %.1f ms"
            .formatted(STAGE_LARGE, STAGE_SMALL, median(still), small));
  }

  private void evidence(RolloutScale scale) throws InterruptedException {
    scale.startMany(STAGE_LARGE);
    FleetEvidence evidence = scale.beginEvidence();
    int ticks = quick ? TICKS / 5 : TICKS;
    evidence.send(1, FEW_DEVICES);
    double[] few = array(evidence.ticks(ticks, WINDOWS).ticks());
    evidence.send(FEW_DEVICES + 1, RolloutScale.DEVICES);
    FleetEvidence.Ticks measured = evidence.ticks(ticks, WINDOWS);
    double[] all = array(measured.ticks());
    claim(
        "tick-evidence",
        "<= 200",
        median(all),
        "ms",
        median(all) <= 200,
        "%d windows of each of %d rollouts stored before each tick, all %d devices seen by each; storing the %d took %.0f ms; slowest tick %.1f; the first two are discarded"
            .formatted(
                WINDOWS,
                RolloutScale.ROLLOUTS,
                RolloutScale.DEVICES,
                WINDOWS * RolloutScale.ROLLOUTS,
                median(array(measured.stores())),
                max(all)));
    double ratio = median(all) / median(few);
    claim(
        "tick-evidence-size",
        "<= 1.5",
        ratio,
        "times",
        ratio <= 1.5,
        "the same tick with %d devices seen against %d: %.1f and %.1f ms"
            .formatted(RolloutScale.DEVICES, FEW_DEVICES, median(all), median(few)));
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static double max(double[] values) {
    return Arrays.stream(values).max().orElse(0);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
