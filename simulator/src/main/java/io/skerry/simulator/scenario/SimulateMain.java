package io.skerry.simulator.scenario;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.simulator.scenario.TraceFile.BadTraceException;
import io.skerry.simulator.world.Fault;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./skerry simulate}. */
@Command(
    name = "skerry simulate",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Runs a fleet with its control plane in this one process, on a clock of its own, and lets"
            + " go wrong what can. The same seed does the same again.",
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:everything held",
      "1:the run could not be made",
      "2:wrong options",
      "6:it ran, and something did not hold"
    })
public final class SimulateMain implements Callable<Integer> {
  static final int NOT_HELD = 6;

  private static final int DEVICES_MAX = TraceFile.DEVICES_MAX;
  private static final int DAYS_MAX = TraceFile.DAYS_MAX;
  private static final int LINES_MAX = 40;
  private static final int SHRINKING_RUNS_MAX = 400;

  /** Held, so that its level stays: what devices log of their faults is the run's business. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "of everything that is chance (default: 1)")
  private @Nullable Long seed;

  @Option(names = "--seeds", paramLabel = "N", description = "runs so many seeds, from --seed on")
  private @Nullable Integer seeds;

  @Option(
      names = "--devices",
      paramLabel = "N",
      description = "devices, 3 to 20000 (default: the scenario's)")
  private @Nullable Integer devices;

  @Option(
      names = "--days",
      paramLabel = "D",
      description = "days before everything is healed (default: the scenario's)")
  private @Nullable Integer days;

  @Option(
      names = "--scenario",
      paramLabel = "NAME",
      description = "one of --list (default: random); 'all' runs each")
  private @Nullable String scenario;

  @Option(names = "--list", description = "tell every scenario's name and claim")
  private boolean list;

  @Option(names = "--replay", paramLabel = "FILE", description = "run again what a trace holds")
  private @Nullable Path replay;

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description = {
        "write the shortest trace of a run that breaks here;",
        "with --seeds, of each that breaks to FILE-SEED"
      })
  private @Nullable Path trace;

  @Option(names = "--json", paramLabel = "FILE", description = "write the claims here")
  private @Nullable Path json;

  private SimulateMain() {}

  /** Ends with the exit codes that {@code --help} names. */
  public static void main(String... arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(run(out, err, arguments));
  }

  static int run(PrintWriter out, PrintWriter err, String... arguments) {
    LOG.setLevel(Level.OFF);
    return new CommandLine(new SimulateMain())
        .setOut(out)
        .setErr(err)
        .setParameterExceptionHandler(
            (wrong, given) -> {
              err.printf(
                  "skerry simulate: %s (see './skerry simulate --help')%n", wrong.getMessage());
              return CommandLine.ExitCode.USAGE;
            })
        .setExecutionExceptionHandler(
            (failure, line, parsed) -> {
              err.printf("skerry simulate: %s%n", failure);
              return CommandLine.ExitCode.SOFTWARE;
            })
        .execute(arguments);
  }

  private record Named(String scenario, Claim claim) {}

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    check();
    if (list) {
      Library.all().forEach(one -> out.printf("%-20s %s%n", one.name(), one.claim()));
      return CommandLine.ExitCode.OK;
    }
    List<Named> claims = new ArrayList<>();
    if (replay != null) {
      replay(out, replay, claims);
    } else if ("all".equals(scenario)) {
      Library.all().forEach(one -> run(out, one, claims));
    } else {
      run(out, wanted(), claims);
    }
    if (json != null) {
      write(json, claims);
    }
    return claims.stream().allMatch(named -> named.claim().held())
        ? CommandLine.ExitCode.OK
        : NOT_HELD;
  }

  private void check() {
    require(
        devices == null || (devices >= TraceFile.DEVICES_MIN && devices <= DEVICES_MAX),
        "--devices must be 3 to " + DEVICES_MAX);
    require(days == null || (days >= 1 && days <= DAYS_MAX), "--days must be 1 to " + DAYS_MAX);
    require(seeds == null || seeds >= 1, "--seeds must be 1 or more");
    require(
        seed == null || seeds == null || seed <= Long.MAX_VALUE - seeds,
        "--seed %d and %d more: the last is beyond %d".formatted(seed, seeds, Long.MAX_VALUE));
    boolean runs =
        seed != null || seeds != null || devices != null || days != null || scenario != null;
    require(
        !list || (!runs && replay == null && json == null && trace == null),
        "--list goes with no other option");
    require(
        replay == null || !runs, "--replay takes seed, scenario, devices and days from its file");
    require(replay == null || trace == null, "--replay has a trace already: leave out --trace");
    require(
        !"all".equals(scenario) || (devices == null && days == null),
        "--scenario all runs each as large as it is: leave out --devices and --days");
    require(
        !"all".equals(scenario) || trace == null,
        "--scenario all could break more than one: leave out --trace, and run the one that breaks");
    require(!isSame(json, trace), "--json and --trace name the same file");
    require(!isSame(json, replay), "--json and --replay name the same file");
    requireWritable("--json", json);
    requireWritable("--trace", trace);
  }

  private static boolean isSame(@Nullable Path one, @Nullable Path other) {
    return one != null
        && other != null
        && one.toAbsolutePath().normalize().equals(other.toAbsolutePath().normalize());
  }

  // A run is long: what would make its result useless is found before it.
  private void requireWritable(String option, @Nullable Path file) {
    if (file != null) {
      Path folder = file.toAbsolutePath().getParent();
      require(
          !Files.isDirectory(file) && folder != null && Files.isWritable(folder),
          "%s: '%s' cannot be written".formatted(option, file));
    }
  }

  private Scenario wanted() {
    String name = scenario == null ? "random" : scenario;
    return Library.find(name)
        .orElseThrow(
            () ->
                misuse(
                    "unknown scenario '%s': './skerry simulate --list' tells them"
                        .formatted(name)));
  }

  private void run(PrintWriter out, Scenario wanted, List<Named> claims) {
    long first = seed == null ? 1 : seed;
    int many = seeds == null ? 1 : seeds;
    int size = devices == null ? wanted.devices() : devices;
    int length = days == null ? wanted.days() : days;
    requireLargeEnough(wanted, size, length);
    FalseFindings findings = new FalseFindings();
    for (long one = first; one - first < many; one++) {
      Run.Result result = run(out, wanted, one, size, length, claims, many == 1);
      findings.add(result.outcome());
      if (!result.held()) {
        Path to =
            trace == null || many == 1
                ? trace
                : trace.resolveSibling("%s-%d".formatted(trace.getFileName(), one));
        shrunk(out, wanted, one, size, length, result.symptoms().getFirst(), to);
      }
    }
    if (many > 1) {
      if (findings.isAny()) {
        claims.add(new Named(wanted.name(), findings.claim()));
        print(out, findings.claim());
      }
      long broken = claims.stream().filter(named -> !named.claim().held()).count();
      out.printf("%d seeds from %d: %d claims do not hold%n", many, first, broken);
    }
  }

  private void requireLargeEnough(Scenario wanted, int size, int length) {
    require(
        size >= wanted.devicesMin() && length >= wanted.daysMin(),
        "scenario '%s' is a story of at least %d devices and %d days"
            .formatted(wanted.name(), wanted.devicesMin(), wanted.daysMin()));
  }

  private static Run.Result run(
      PrintWriter out,
      Scenario wanted,
      long seed,
      int devices,
      int days,
      List<Named> claims,
      boolean telling) {
    Run.Result result = wanted.run(seed, devices, days).run(0);
    boolean told = telling || !result.held();
    if (told) {
      out.printf(
          "%s: seed %d, %d devices, %d days: %d events, %d records, hash %s%n",
          wanted.name(),
          seed,
          devices,
          days,
          result.outcome().events(),
          result.outcome().records(),
          result.outcome().hash());
    }
    for (Claim claim : result.claims()) {
      claims.add(new Named(telling ? wanted.name() : wanted.name() + "/" + seed, claim));
      if (told) {
        print(out, claim);
      }
    }
    result.outcome().breaks().stream()
        .limit(10)
        .forEach(
            broken ->
                out.printf(
                    "   %s invariant %d%s: %s%n",
                    java.time.Instant.ofEpochMilli(broken.atMillis()),
                    broken.invariant(),
                    broken.device() < 0 ? "" : ", device " + broken.device(),
                    broken.what()));
    return result;
  }

  private static void print(PrintWriter out, Claim claim) {
    out.printf(
        "%-4s %-30s %s %s, required %s %s%n",
        claim.held() ? "ok" : "NO",
        claim.name(),
        Claim.text(claim.measured()),
        claim.unit(),
        claim.required(),
        claim.detail());
  }

  /** Tells, and keeps, the fewest faults that still break the run. */
  private void shrunk(
      PrintWriter out,
      Scenario wanted,
      long one,
      int size,
      int length,
      String symptom,
      @Nullable Path to) {
    List<Fault> all = Fault.draw(one, size, length, wanted.faults());
    Shrinker.Size few =
        new Shrinker(
                run ->
                    wanted.run(one, run.devices(), run.days(), run.faults()).run(0).fails(symptom),
                SHRINKING_RUNS_MAX)
            .shrink(new Shrinker.Size(size, length, all), wanted.devicesMin(), wanted.daysMin());
    Run.Result result = wanted.run(one, few.devices(), few.days(), few.faults()).run(LINES_MAX);
    TraceFile file =
        new TraceFile(
            wanted.name(), one, few.devices(), few.days(), result.outcome().hash(), few.faults());
    out.printf(
        "the shortest trace that still shows '%s' has %d of %d faults:%n%s",
        symptom, few.faults().size(), all.size(), file.text());
    result.outcome().lines().forEach(line -> out.println("   " + line));
    out.printf(
        "again: ./skerry simulate --scenario %s --seed %d --devices %d --days %d%n",
        wanted.name(), one, size, length);
    if (to != null) {
      try {
        Files.writeString(to, file.text(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
  }

  private void replay(PrintWriter out, Path file, List<Named> claims) {
    TraceFile read;
    try {
      read = TraceFile.read(file);
    } catch (BadTraceException e) {
      throw misuse(String.valueOf(e.getMessage()));
    }
    Scenario of =
        Library.find(read.scenario())
            .orElseThrow(
                () ->
                    misuse(
                        "trace '%s' is of scenario '%s', which there is not here"
                            .formatted(file, read.scenario())));
    requireLargeEnough(of, read.devices(), read.days());
    Run.Result result =
        of.run(read.seed(), read.devices(), read.days(), read.faults()).run(LINES_MAX);
    result
        .claims()
        .forEach(
            claim -> {
              claims.add(new Named(of.name(), claim));
              print(out, claim);
            });
    result.outcome().breaks().forEach(broken -> out.println("   " + broken));
    boolean same = read.isSameAs(result.outcome().hash());
    String told = "the trace keeps none";
    if (read.hasHash()) {
      told =
          same
              ? "as in the trace"
              : "in the trace it is %s: the program has changed since".formatted(read.hash());
      claims.add(new Named(of.name(), Claim.holds("same-hash-as-in-the-trace", same, told)));
    }
    out.printf("hash %s, %s%n", result.outcome().hash(), told);
  }

  private ParameterException misuse(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private void require(boolean held, String otherwise) {
    if (!held) {
      throw misuse(otherwise);
    }
  }

  private static void write(Path file, List<Named> claims) throws IOException {
    JsonArray array = new JsonArray();
    for (Named named : claims) {
      JsonObject claim = new JsonObject();
      claim.addProperty("name", named.scenario() + "/" + named.claim().name());
      claim.addProperty("required", named.claim().required());
      claim.addProperty("measured", named.claim().measured());
      claim.addProperty("unit", named.claim().unit());
      claim.addProperty("held", named.claim().held());
      claim.addProperty("detail", named.claim().detail());
      array.add(claim);
    }
    JsonObject machine = new JsonObject();
    machine.addProperty("os", System.getProperty("os.name"));
    machine.addProperty("arch", System.getProperty("os.arch"));
    machine.addProperty("java", System.getProperty("java.version"));
    machine.addProperty("cores", Runtime.getRuntime().availableProcessors());
    JsonObject report = new JsonObject();
    report.add("machine", machine);
    report.add("claims", array);
    Gson gson = new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
    Files.writeString(file, gson.toJson(report) + "\n", StandardCharsets.UTF_8);
  }

  /** The first line of a scenario that breaks, for who runs many. */
  static Optional<String> firstBreak(Run.Result result) {
    return result.claims().stream()
        .filter(claim -> !claim.held())
        .findFirst()
        .map(claim -> claim.name() + ": " + claim.measured() + " " + claim.detail());
  }
}
