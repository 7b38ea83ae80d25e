package io.skerry.bench;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Measures what an area promises, on this machine, in one run. */
@Command(
    name = "skerry bench",
    mixinStandardHelpOptions = true,
    description = "Measures what an area promises on this machine, in one run.",
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:every claim holds",
      "1:the run could not be made",
      "2:wrong usage",
      "6:the run was made, and a claim does not hold"
    })
public final class BenchMain implements Callable<Integer> {
  static final int FAILED = 1;
  static final int NOT_HELD = 6;

  @Parameters(
      paramLabel = "AREA",
      description = "what to measure: link, agent, rollouts, packager, drift, simulation")
  private String area = "";

  @Option(names = "--json", paramLabel = "FILE", description = "write machine and claims here")
  private @Nullable Path json;

  @Option(
      names = "--only",
      paramLabel = "REGEX",
      description = "only claims whose name this regular expression finds")
  private String only = "";

  @Option(names = "--quick", description = "a few points of every loop instead of all")
  private boolean quick;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  private BenchMain() {}

  /** Ends with the exit codes that {@code --help} names. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(run(out, err, arguments));
  }

  static int run(PrintWriter out, PrintWriter err, String... arguments) {
    return new CommandLine(new BenchMain())
        .setOut(out)
        .setErr(err)
        .setParameterExceptionHandler(
            (wrong, given) -> {
              err.printf("skerry bench: %s (see './skerry bench --help')%n", wrong.getMessage());
              return CommandLine.ExitCode.USAGE;
            })
        .setExecutionExceptionHandler(
            (failure, line, parsed) -> {
              err.printf("skerry bench: %s%n", failure);
              return FAILED;
            })
        .execute(arguments);
  }

  @Override
  public Integer call() throws Exception {
    Area wanted = area();
    Predicate<String> names = names();
    if (json != null) {
      requireWritable(json);
    }
    PrintWriter out = spec.commandLine().getOut();
    List<Claim> claims = wanted.measurement().measure(names, quick, claim -> print(out, claim));
    if (claims.isEmpty()) {
      throw misuse("--only '%s' finds no claim of area %s".formatted(only, wanted));
    }
    long broken = claims.stream().filter(claim -> !claim.held()).count();
    out.printf("%d claims, %d do not hold%n", claims.size(), broken);
    if (json != null) {
      write(json, claims);
    }
    return broken == 0 ? CommandLine.ExitCode.OK : NOT_HELD;
  }

  private Area area() {
    for (Area known : Area.values()) {
      if (known.toString().equals(area)) {
        return known;
      }
    }
    throw misuse("unknown area '%s': choose one of %s".formatted(area, Area.names()));
  }

  private Predicate<String> names() {
    try {
      return Pattern.compile(only).asPredicate();
    } catch (PatternSyntaxException e) {
      throw misuse("--only: %s".formatted(e.getDescription()));
    }
  }

  // A run is long: what would make its result useless is found before it.
  private void requireWritable(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    if (Files.isDirectory(file) || folder == null || !Files.isWritable(folder)) {
      throw misuse("--json: '%s' cannot be written".formatted(file));
    }
  }

  private ParameterException misuse(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static synchronized void print(PrintWriter out, Claim claim) {
    out.printf(
        "%-4s %-28s %s %s (%s): %s%n",
        claim.held() ? "ok" : "NO",
        claim.name(),
        claim.figure(),
        claim.unit(),
        claim.required(),
        claim.detail());
  }

  private static void write(Path file, List<Claim> claims) throws IOException {
    JsonArray list = new JsonArray();
    claims.forEach(claim -> list.add(claim.toJson()));
    JsonObject report = new JsonObject();
    report.add("machine", Machine.toJson());
    report.add("claims", list);
    Gson gson = new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
    Files.writeString(file, gson.toJson(report) + "\n", StandardCharsets.UTF_8);
  }
}
