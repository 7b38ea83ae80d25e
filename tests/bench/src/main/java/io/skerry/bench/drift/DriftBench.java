package io.skerry.bench.drift;

import io.skerry.bench.Claim;
import io.skerry.bench.drift.CountFleet.Fault;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.DriftSettings;
import io.skerry.telemetry.sketch.LineUpkeep;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** The drift ledger on simulated fleets of known truth, and what a device pays for it. */
public final class DriftBench {
  private static final long HOUR = 3_600_000;
  private static final DriftSettings SETTINGS = DriftSettings.forWindows(HOUR);
  private static final int LEARNING = SETTINGS.learningWindows();
  private static final int NULL_WINDOWS = 300;
  private static final int FEATURE = 3;

  /** Healthy windows, and such with a fault, in which other rules may alarm. */
  private static final int QUIET = 48;

  private static final int SHIFTED = 12;

  private final Predicate<String> wanted;
  private final boolean quick;
  private final Consumer<Claim> told;
  private final List<Claim> claims = new ArrayList<>();
  private final int fleetSize;
  private final MonitoringManifest wide;
  private final MonitoringManifest narrow;

  private DriftBench(Predicate<String> wanted, boolean quick, Consumer<Claim> told) {
    this.wanted = wanted;
    this.quick = quick;
    this.told = told;
    this.fleetSize = 1000;
    this.wide = CountFleet.manifest(quick ? 20 : 100);
    this.narrow = CountFleet.manifest(20);
  }

  /** Measures; see {@link io.skerry.bench.Area}. */
  public static List<Claim> measure(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
      throws Exception {
    DriftBench bench = new DriftBench(wanted, quick, told);
    bench.deviceCost();
    bench.signalCost();
    bench.bytes();
    bench.locationShift("shift-200", "region", "r1", 200, 2);
    bench.locationShift("shift-50", "site", "s7", 50, 6);
    bench.faults();
    bench.fleetShift();
    bench.otherRules();
    bench.machines();
    bench.nullFleets();
    return bench.claims;
  }

  private void tell(Claim claim) {
    claims.add(claim);
    told.accept(claim);
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new IllegalStateException(what);
    }
  }

  // ------------------------------------------------------------------ what a device pays

  private void deviceCost() throws MalformedDocumentException {
    if (!wanted.test("update-nanos") && !wanted.test("update-allocation")) {
      return;
    }
    SketchFigures.Cost cost = SketchFigures.cost(quick ? 5 : 15);
    if (wanted.test("update-nanos")) {
      tell(
          new Claim(
              "update-nanos",
              "<= 15",
              cost.nanosPerFeature(),
              "ns per feature update",
              cost.nanosPerFeature() <= 15,
              "100 features with residuals, score and latency; median of rounds"));
    }
    if (wanted.test("update-allocation")) {
      long predicting = PredictThread.bytesPerPrediction(SketchFigures.FEATURES, quick ? 10 : 40);
      tell(
          new Claim(
              "update-allocation",
              "= 0",
              cost.bytesPerObservation() + predicting,
              "bytes per observation",
              cost.bytesPerObservation() + predicting == 0,
              "%d of the thread that counts, %d of the one that predicts; not sampled"
                  .formatted(cost.bytesPerObservation(), predicting)));
    }
  }

  private void signalCost() {
    if (!wanted.test("signal-nanos")) {
      return;
    }
    double[] nanos = SketchFigures.nanosPerElement(quick ? 5 : 15);
    tell(
        new Claim(
            "signal-nanos",
            "<= 5",
            Math.max(nanos[0], nanos[1]),
            "ns per element",
            Math.max(nanos[0], nanos[1]) <= 5,
            "scalars of an image of 224 x 224 x 3; %.2f of floats, %.2f of int8; median of rounds"
                .formatted(nanos[0], nanos[1])));
  }

  private void bytes() throws MalformedDocumentException {
    SketchFigures.Bytes bytes =
        wanted.test("bytes-hourly") || wanted.test("bytes-six-hourly")
            ? SketchFigures.bytes()
            : new SketchFigures.Bytes(0, 0, 0, 0);
    if (wanted.test("bytes-hourly")) {
      tellBytes(
          "bytes-hourly",
          bytes.hourly(),
          80_000,
          bytes,
          "24 windows of 1,000 inferences, 100 features");
    }
    if (wanted.test("bytes-six-hourly")) {
      tellBytes(
          "bytes-six-hourly",
          bytes.sixHourly(),
          14_000,
          bytes,
          "4 windows of 6,000 inferences at 16 bins; without co-moments, %d bytes a day more"
              .formatted(bytes.coMoments()));
    }
  }

  // A device that has no more bytes a day than these keeps its line up accordingly.
  private void tellBytes(
      String name, long windows, long most, SketchFigures.Bytes bytes, String what) {
    long upkeep = bytes.upkeep(most);
    tell(
        new Claim(
            name,
            "<= " + most,
            windows + upkeep,
            "bytes per device and day",
            windows + upkeep <= most,
            "%s: %d, with MQTT, TLS records and answers; and %d of the line with %d bytes a day: %d pings and their answers every %s, reports of %d every %s; not connecting, orders, updates"
                .formatted(
                    what,
                    windows,
                    upkeep,
                    most,
                    bytes.pings(most),
                    LineUpkeep.of(most).keepAlive(),
                    bytes.report(),
                    LineUpkeep.of(most).report())));
  }

  // ------------------------------------------------------------------ null fleets

  private record NullRun(int incidents, int windows) {}

  private void nullFleets() throws Exception {
    nullFleets("null", 0, quick ? 2 : 20, true);
    nullFleets("null-memory", .1, quick ? 1 : 3, false);
  }

  private void nullFleets(String name, double wander, int runs, boolean proved) throws Exception {
    if (!wanted.test(name) && !wanted.test(name + "-runs")) {
      return;
    }
    List<NullRun> results =
        parallel(
            runs, seed -> nullRun(new CountFleet(wide, fleetSize, wander, Fault.none(), seed)));
    int incidents = results.stream().mapToInt(NullRun::incidents).sum();
    long windows = results.stream().mapToLong(NullRun::windows).sum();
    double promised = (double) windows / SETTINGS.windowsPerFalseAlarm();
    int limit = poissonLimit(promised);
    String what =
        "%d runs of %,d devices x %d features x %d windows, promised at most %.2f expected%s"
            .formatted(
                runs,
                fleetSize,
                wide.getFeaturesCount(),
                NULL_WINDOWS,
                promised,
                proved ? "" : "; memory across windows: empirical");
    if (wanted.test(name)) {
      tell(
          new Claim(
              name,
              "<= " + limit,
              incidents,
              "false incidents",
              incidents <= limit,
              what + ", 99 % limit " + limit));
    }
    if (wanted.test(name + "-runs")) {
      long clean = results.stream().filter(run -> run.incidents() == 0).count();
      tell(
          new Claim(
              name + "-runs",
              "> " + runs / 2,
              clean,
              "runs without a false incident",
              2 * clean > runs,
              "of " + runs));
    }
  }

  private static NullRun nullRun(CountFleet fleet) {
    DriftLedger ledger = new DriftLedger(SETTINGS);
    ledger.register(CountFleet.VERSION, fleet.streams());
    int incidents = 0;
    int judged = 0;
    for (long window = 0; window < NULL_WINDOWS; window++) {
      boolean found = ledger.judge(window, fleet.window(window)).found().isPresent();
      incidents += found ? 1 : 0;
      judged += window >= LEARNING ? 1 : 0;
    }
    return new NullRun(incidents, judged);
  }

  private static int poissonLimit(double mean) {
    double term = Math.exp(-mean);
    double sum = term;
    int k = 0;
    while (sum < .99) {
      k++;
      term *= mean / k;
      sum += term;
    }
    return k;
  }

  // ------------------------------------------------------------------ what is found

  /** One run: the windows from the fault to the finding, -1 = not found. */
  private record Found(int delay, boolean right, int before) {}

  private static Found find(
      CountFleet fleet,
      DriftSettings settings,
      long from,
      int windows,
      Cohort cohort,
      Predicate<DriftFinding> right) {
    DriftLedger ledger = new DriftLedger(settings);
    ledger.register(CountFleet.VERSION, fleet.streams());
    int before = 0;
    for (long window = 0; window < from + windows; window++) {
      var found = ledger.judge(window, fleet.window(window)).found();
      if (found.isPresent() && window < from) {
        before++;
        ledger.release(found.get().cohort(), false);
      } else if (found.isPresent()) {
        return new Found(
            (int) (window - from + 1),
            found.get().cohort().equals(cohort) && right.test(found.get()),
            before);
      }
    }
    return new Found(-1, false, before);
  }

  private void locationShift(String name, String attribute, String value, int devices, int limit)
      throws Exception {
    if (!wanted.test(name) && !wanted.test(name + "-named")) {
      return;
    }
    int runs = quick ? 3 : 12;
    Cohort cohort = new Cohort(attribute, value);
    List<Found> results =
        parallel(
            runs,
            seed ->
                find(
                    new CountFleet(
                        wide,
                        fleetSize,
                        0,
                        Fault.of(attribute, value, FEATURE, LEARNING + 2L).shift(.15),
                        100 + seed),
                    SETTINGS,
                    LEARNING + 2L,
                    3 * limit,
                    cohort,
                    finding -> finding.feature().equals(CountFleet.feature(FEATURE))));
    int[] delays = delays(results);
    if (wanted.test(name)) {
      int late =
          (int) results.stream().filter(one -> one.delay() < 0 || one.delay() > limit).count();
      tell(
          new Claim(
              name,
              "<= " + limit,
              median(delays),
              "windows",
              median(delays) <= limit && 20 * late <= runs,
              ".15 deviations in %d of %,d devices, median of %d seeds; delays %s, %d later than %d"
                  .formatted(devices, fleetSize, runs, Arrays.toString(delays), late, limit)));
    }
    if (wanted.test(name + "-named")) {
      named(name, results, "cohort %s and feature".formatted(cohort));
    }
  }

  private void named(String name, List<Found> results, String what) {
    double right = 100.0 * results.stream().filter(Found::right).count() / results.size();
    tell(new Claim(name + "-named", ">= 95", right, "% of runs", right >= 95, "right " + what));
  }

  private static int[] delays(List<Found> results) {
    return results.stream()
        .mapToInt(one -> one.delay() < 0 ? Integer.MAX_VALUE : one.delay())
        .sorted()
        .toArray();
  }

  private static int median(int[] sorted) {
    return sorted[sorted.length / 2];
  }

  private void faults() throws Exception {
    long from = LEARNING + 2L;
    for (var fault : cohortFaults(from).entrySet()) {
      fault(
          fault.getKey(),
          fault.getValue(),
          switch (fault.getKey()) {
            case "class-prior" -> Set.of("$class:1", "$actual:1");
            case "concept-flip" -> Set.of("$error");
            default -> Set.of(CountFleet.feature(FEATURE));
          });
    }
    correlation();
  }

  /** Faults of one site besides a shift, by what they are called. */
  private static Map<String, Fault> cohortFaults(long from) {
    Map<String, Fault> faults = new LinkedHashMap<>();
    Fault none = Fault.of("site", "s4", FEATURE, from);
    faults.put("scale", none.scale(1.3));
    faults.put("missing", none.missing(.1));
    faults.put("unit-error", new Fault("site", "s4", FEATURE, from, 1, 1.8, 0, false, 0, 0));
    faults.put("stuck", none.frozen());
    faults.put("class-prior", none.positives(.1));
    faults.put("concept-flip", none.errors(.1));
    return faults;
  }

  /** Everybody moves at once, which no cohort shows. */
  private void fleetShift() throws Exception {
    if (!wanted.test("shift-fleet") && !wanted.test("shift-fleet-named")) {
      return;
    }
    // The fleet's own level is learned for a week after the devices' baselines.
    long from = LEARNING + 7L * CountFleet.SEASON + 2;
    Fault fault = Fault.of("", "", FEATURE, from).shift(.15);
    report(
        "shift-fleet",
        "in all %,d devices, .15 deviations".formatted(fleetSize),
        parallel(
            quick ? 2 : 6,
            seed ->
                find(
                    new CountFleet(narrow, fleetSize, 0, fault, 800 + seed),
                    SETTINGS,
                    from,
                    12,
                    Cohort.FLEET,
                    finding -> finding.feature().equals(CountFleet.feature(FEATURE)))));
  }

  private void fault(String name, Fault fault, Set<String> features) throws Exception {
    if (!wanted.test(name) && !wanted.test(name + "-named")) {
      return;
    }
    int runs = quick ? 2 : 6;
    Cohort cohort = new Cohort(fault.attribute(), fault.value());
    List<Found> results =
        parallel(
            runs,
            seed ->
                find(
                    new CountFleet(narrow, fleetSize, 0, fault, 300 + seed),
                    SETTINGS,
                    fault.from(),
                    12,
                    cohort,
                    finding -> features.contains(finding.feature())));
    report(name, results);
  }

  private void report(String name, List<Found> results) {
    report(name, "in 50 devices", results);
  }

  private void report(String name, String where, List<Found> results) {
    int[] delays = delays(results);
    long missed = results.stream().filter(one -> one.delay() < 0).count();
    int before = results.stream().mapToInt(Found::before).sum();
    if (wanted.test(name)) {
      tell(
          new Claim(
              name,
              "= 0",
              missed,
              "runs in which it was missed",
              missed == 0,
              "%s; delays in windows %s, %d found before it"
                  .formatted(where, Arrays.toString(delays), before)));
    }
    if (wanted.test(name + "-named")) {
      named(name, results, "cohort and stream");
    }
  }

  private void correlation() throws Exception {
    if (!wanted.test("correlation") && !wanted.test("correlation-named")) {
      return;
    }
    report(
        "correlation",
        parallel(
            quick ? 1 : 5,
            seed -> {
              CorrelatedFleet fleet = new CorrelatedFleet(500 + seed);
              DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
              ledger.register(CountFleet.VERSION, fleet.streams());
              for (int window = 0; window < 24; window++) {
                var found = ledger.judge(window, fleet.window(window >= 8)).found();
                if (found.isPresent()) {
                  return new Found(
                      window < 8 ? -1 : window - 7,
                      window >= 8
                          && found.get().cohort().equals(CorrelatedFleet.COHORT)
                          && List.of("$spe", "$t2").contains(found.get().feature()),
                      0);
                }
              }
              return new Found(-1, false, 0);
            }));
  }

  // ------------------------------------------------------------------ other tools' rules

  private void otherRules() throws Exception {
    if (!wanted.test("other-rules")) {
      return;
    }
    int runs = quick ? 1 : 2;
    long from = (long) LEARNING + QUIET;
    Map<String, Fault> faults = new LinkedHashMap<>();
    faults.put("shift", Fault.of("site", "s7", FEATURE, from).shift(.3));
    faults.putAll(cohortFaults(from));
    Map<String, Integer> falseAlarms = new LinkedHashMap<>();
    Map<String, Integer> found = new LinkedHashMap<>();
    StringJoiner table = new StringJoiner("; ");
    for (var fault : faults.entrySet()) {
      List<Alarms> results =
          parallel(
              runs,
              seed ->
                  alarms(new CountFleet(narrow, fleetSize, 0, fault.getValue(), 700 + seed), from));
      StringJoiner row = new StringJoiner(", ", fault.getKey() + ": ", "");
      for (String rule : OtherRules.TITLES_AND_OURS) {
        int told = results.stream().mapToInt(one -> one.before().getOrDefault(rule, 0)).sum();
        int times = (int) results.stream().filter(one -> one.found().contains(rule)).count();
        falseAlarms.merge(rule, told, Integer::sum);
        found.merge(rule, times, Integer::sum);
        row.add(rule + " " + times);
      }
      table.add(row.toString());
    }
    int oursFalse = falseAlarms.getOrDefault(OtherRules.OURS, 0);
    int oursFound = found.getOrDefault(OtherRules.OURS, 0);
    int worse = 0;
    StringJoiner sums = new StringJoiner(", ");
    for (String rule : OtherRules.TITLES_AND_OURS) {
      int itsFalse = falseAlarms.getOrDefault(rule, 0);
      int itsFound = found.getOrDefault(rule, 0);
      sums.add("%s %d false and %d found".formatted(rule, itsFalse, itsFound));
      // Better is who finds more at no more false alarms, or finds as many at fewer.
      boolean better =
          oursFalse <= itsFalse
              && oursFound >= itsFound
              && (oursFalse < itsFalse || oursFound > itsFound);
      worse += rule.equals(OtherRules.OURS) || better ? 0 : 1;
    }
    tell(
        new Claim(
            "other-rules",
            "= 0",
            worse,
            "rules that do no worse than ours",
            worse == 0,
            "alarms (one as long as it lasts; one that lasts already finds) in %d healthy windows and %d faults of 50 devices: %s; found of %d each, %s"
                .formatted(runs * QUIET * faults.size(), runs * faults.size(), sums, runs, table)));
  }

  /** What rules told in one run: alarms before the fault, and which alarmed since. */
  private record Alarms(Map<String, Integer> before, Set<String> found) {}

  private Alarms alarms(CountFleet fleet, long from) {
    OtherRules other = new OtherRules("site", narrow.getFeaturesCount(), LEARNING);
    DriftLedger ledger = new DriftLedger(SETTINGS);
    ledger.register(CountFleet.VERSION, fleet.streams());
    Alarms alarms = new Alarms(new HashMap<>(), new HashSet<>());
    // What goes on alarming is one alarm, as an incident is.
    Set<String> alarming = Set.of();
    for (long window = 0; window < from + SHIFTED; window++) {
      List<DeviceWindow> devices = fleet.window(window);
      Set<String> told = new HashSet<>(other.alarms(devices));
      if (ledger.judge(window, devices).found().isPresent()) {
        told.add(OtherRules.OURS);
      }
      if (window < from) {
        for (String rule : told) {
          if (!alarming.contains(rule)) {
            alarms.before().merge(rule, 1, Integer::sum);
          }
        }
      } else {
        alarms.found().addAll(told);
      }
      alarming = told;
    }
    return alarms;
  }

  // ------------------------------------------------------------------ machines

  private void machines() throws Exception {
    if (!wanted.test("machines") && !wanted.test("machines-named")) {
      return;
    }
    List<Found> results =
        parallel(
            quick ? 2 : 7,
            seed -> {
              MachineFleet fleet = new MachineFleet(seed + 1);
              DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
              ledger.register(CountFleet.VERSION, fleet.streams());
              for (int window = 0; window < 30; window++) {
                var found = ledger.judge(window, fleet.window(window >= 12)).found();
                if (found.isPresent()) {
                  return new Found(
                      window < 12 ? -1 : window - 11,
                      window >= 12
                          && found.get().cohort().equals(MachineFleet.COHORT)
                          && found.get().feature().equals(fleet.shifted()),
                      0);
                }
              }
              return new Found(-1, false, 0);
            });
    int[] delays = delays(results);
    if (wanted.test("machines")) {
      long missed = results.stream().filter(one -> one.delay() < 0).count();
      tell(
          new Claim(
              "machines",
              "= 0",
              missed,
              "runs in which the gateway was missed",
              missed == 0,
              "%s, one sensor of gateway b off by 2.5 deviations from window 12; delays %s"
                  .formatted(MachineFleet.source(), Arrays.toString(delays))));
    }
    if (wanted.test("machines-named")) {
      named("machines", results, "gateway and sensor");
    }
  }

  // ------------------------------------------------------------------ runs side by side

  private interface Run<T> {
    T run(long seed) throws Exception;
  }

  private static <T> List<T> parallel(int runs, Run<T> run) throws Exception {
    int threads = Math.max(1, Math.min(4, Runtime.getRuntime().availableProcessors()));
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      List<Callable<T>> calls = new ArrayList<>();
      for (long seed = 0; seed < runs; seed++) {
        long own = seed;
        calls.add(() -> run.run(own));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> future : executor.invokeAll(calls)) {
        results.add(future.get());
      }
      require(results.size() == runs, "a run is missing");
      return results;
    }
  }
}
