package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.skerry.api.BudgetStep;
import io.skerry.api.client.SkerryClient;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "drift",
    description = "Shows what moved where, and why it was judged so.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class DriftCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "replay",
      description = {
        "Judges a model's last windows again with attributes dealt anew among the devices: every",
        "incident is false then. Says whether the promise about false incidents holds."
      },
      mixinStandardHelpOptions = true)
  int replay(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL") String model,
      @Option(names = "--slot", defaultValue = "main", description = "default: ${DEFAULT-VALUE}")
          String slot,
      @Option(
              names = {"-o", "--output"},
              defaultValue = "table")
          Output output) {
    try (SkerryClient client = server.client()) {
      JsonObject found =
          client.post(
              "/v1/drift/null-replay?slot=%s&model=%s"
                  .formatted(DescribeCommand.encoded(slot), DescribeCommand.encoded(model)),
              new JsonObject(),
              JsonObject.class);
      PrintWriter out = spec.commandLine().getOut();
      boolean kept = true;
      for (JsonElement each : Json.array(found, "items")) {
        JsonObject one = each.getAsJsonObject();
        kept &= Json.text(one, "kept").equals("true");
        if (output == Output.TABLE) {
          out.println(
              Table.printable(
                  "%s in %s: %s false incidents in %s replayed windows, %s promised, at most %s by chance"
                      .formatted(
                          model,
                          slot,
                          Json.text(one, "falseIncidents"),
                          Json.text(one, "replayedWindows"),
                          Json.text(one, "promised"),
                          Json.text(one, "allowed"))));
        } else {
          out.println(Json.pretty(one));
        }
      }
      return kept ? ExitCodes.DONE : ExitCodes.BAD_RESULT;
    }
  }

  @Command(
      name = "budget",
      description = {
        "What a device's bytes a day buy: the published order in which it tells less, with the",
        "smallest shift that each step leaves to be found within 4 windows as often as not. NOW",
        "marks how most devices told their last window; - is what cannot be known from what they",
        "tell, or no shift that is found as fast."
      },
      mixinStandardHelpOptions = true)
  int budget(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL") String model,
      @Option(
              names = {"-o", "--output"},
              defaultValue = "table")
          Output output) {
    try (SkerryClient client = server.client()) {
      String path = "/v1/models/%s/byte-budget".formatted(DescribeCommand.encoded(model));
      PrintWriter out = spec.commandLine().getOut();
      if (output == Output.JSON) {
        client.list(path, JsonObject.class).forEach(one -> out.println(Json.pretty(one)));
        return ExitCodes.DONE;
      }
      List<BudgetStep> steps = client.list(path, BudgetStep.class);
      if (steps.isEmpty()) {
        spec.commandLine().getErr().println("no window of %s was judged yet".formatted(model));
        return ExitCodes.DONE;
      }
      Table table =
          new Table(
              List.of(
                  "SLOT",
                  "WINDOW_MS",
                  "BINS",
                  "FEATURES",
                  "BYTES_A_DAY",
                  "NOW",
                  "DEVICES",
                  "PEERS",
                  "SIGMA"));
      for (BudgetStep step : steps) {
        for (BudgetStep.Line line : step.lines()) {
          table.add(
              List.of(
                  line.slot(),
                  Long.toString(line.windowMillis()),
                  Integer.toString(line.bins()),
                  Integer.toString(line.features()),
                  line.bytesPerDay() == null ? "-" : Long.toString(line.bytesPerDay()),
                  line.chosen() ? "*" : "",
                  Integer.toString(line.devices()),
                  Integer.toString(line.peers()),
                  line.sigma() == null ? "-" : String.format(Locale.ROOT, "%.4g", line.sigma())));
        }
      }
      table.print(out);
      return ExitCodes.DONE;
    }
  }

  @Command(
      name = "top",
      description = "The streams with most evidence, of the last judged window.",
      mixinStandardHelpOptions = true)
  int top(
      @Mixin ServerOptions server,
      @Option(
              names = "--cohort",
              paramLabel = "ATTRIBUTE=VALUE",
              defaultValue = "",
              description = "only of this one")
          String cohort,
      @Option(names = "--limit", defaultValue = "20", description = "default: ${DEFAULT-VALUE}")
          int limit,
      @Option(
              names = {"-o", "--output"},
              defaultValue = "table")
          Output output) {
    try (SkerryClient client = server.client()) {
      List<JsonObject> streams =
          client.list("/v1/drift", JsonObject.class).stream()
              .filter(one -> cohort.isEmpty() || Json.text(one, "cohort").equals(cohort))
              .sorted(Comparator.comparingDouble(DriftCommand::evidence).reversed())
              .limit(Math.max(1, limit))
              .toList();
      PrintWriter out = spec.commandLine().getOut();
      if (output == Output.JSON) {
        streams.forEach(one -> out.println(Json.pretty(one)));
        return ExitCodes.DONE;
      }
      if (streams.isEmpty()) {
        spec.commandLine().getErr().println("no stream was judged yet");
        return ExitCodes.DONE;
      }
      Table table =
          table(
              streams,
              "COHORT cohort",
              "STREAM stream",
              "KIND kind",
              "EFFECT effect",
              "LOW low",
              "HIGH high",
              "TOLERANCE tolerance",
              "EVIDENCE logEvidence",
              "THRESHOLD logThreshold",
              "DEVICES devices",
              "PEERS peers");
      table.print(out);
      return ExitCodes.DONE;
    }
  }

  @Command(
      name = "explain",
      description = {
        "Prints formula, counts, edges and n of an incident as they are stored with the verdict, and",
        "what these say when they are judged again, and the windows where they are still kept;",
        "exits with 6 if that is something else."
      },
      mixinStandardHelpOptions = true)
  int explain(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID", description = "as 'get incidents' shows it") String id,
      @Option(
              names = {"-o", "--output"},
              defaultValue = "table")
          Output output) {
    try (SkerryClient client = server.client()) {
      JsonObject explanation =
          client.get(
              "/v1/incidents/%s/explanation".formatted(DescribeCommand.encoded(id)),
              JsonObject.class);
      PrintWriter out = spec.commandLine().getOut();
      if (output == Output.JSON) {
        out.println(Json.pretty(explanation));
      } else {
        print(explanation, out);
      }
      return Json.text(explanation, "recomputed").equals("DIFFERENT")
          ? ExitCodes.BAD_RESULT
          : ExitCodes.DONE;
    }
  }

  private static void print(JsonObject explanation, PrintWriter out) {
    line(
        out,
        "%s  %s of %s, %s@%s, %s"
            .formatted(
                Json.text(explanation, "incident.id"),
                Json.text(explanation, "incident.feature"),
                Json.text(explanation, "incident.cohort"),
                Json.text(explanation, "incident.model"),
                Json.text(explanation, "incident.version"),
                Json.text(explanation, "incident.state")));
    if (Kind.isToldOf(explanation, "incident.otherwise")) {
      line(
          out,
          "it may be %s instead, the other way: each holds the other's peers"
              .formatted(Json.text(explanation, "incident.otherwise")));
    }
    line(
        out,
        "%s devices; onset window %s, opened window %s of %s ms"
            .formatted(
                Json.text(explanation, "incident.devices"),
                Json.text(explanation, "incident.onsetWindow"),
                Json.text(explanation, "incident.openedWindow"),
                Json.text(explanation, "windowMillis")));
    line(
        out,
        "%s: %s"
            .formatted(
                Json.text(explanation, "incident.feature"),
                Json.text(explanation, "incident.effect.words")));
    line(
        out,
        "fired by %s in %s: effect %s, tolerance %s, ln M %s of %s, n = %s devices against %s peers"
            .formatted(
                Json.text(explanation, "firedBy"),
                Json.text(explanation, "firedIn"),
                Json.text(explanation, "point.effect"),
                Json.text(explanation, "point.tolerance"),
                Json.text(explanation, "point.logEvidence"),
                Json.text(explanation, "point.logThreshold"),
                Json.text(explanation, "point.devices"),
                Json.text(explanation, "point.peers")));
    out.println();
    Json.text(explanation, "formula").lines().forEach(out::println);
    out.println();
    line(
        out,
        "judged again from what is stored: %s (%s); %s"
            .formatted(
                Json.text(explanation, "recomputed"),
                Json.text(explanation, "recomputedFrom"),
                Json.text(explanation, "recomputedDetail")));
    printEffect(explanation, out);
    printEvidence(explanation, out);
    out.println();
    table(
            Json.array(explanation, "history"),
            "WINDOW window",
            "EFFECT effect",
            "LOW low",
            "HIGH high",
            "TOLERANCE tolerance",
            "EVIDENCE logEvidence",
            "DEVICES devices")
        .print(out);
    printEvents(explanation, out);
    printCorrelations(explanation, out);
    if (Json.find(explanation, "distribution").isEmpty()) {
      return;
    }
    out.println();
    line(
        out,
        "counts of %s: before n = %s on %s devices, since n = %s on %s devices"
            .formatted(
                Json.text(explanation, "distribution.stream"),
                Json.text(explanation, "distribution.baselineCount"),
                Json.text(explanation, "distribution.baselineDevices"),
                Json.text(explanation, "distribution.count"),
                Json.text(explanation, "distribution.devices")));
    table(
            Json.array(explanation, "distribution.bins"),
            "BIN name",
            "TRAINING training",
            "BEFORE baseline",
            "SINCE count")
        .print(out);
  }

  private static void printEffect(JsonObject explanation, PrintWriter out) {
    Table effect = new Table(List.of("EFFECT", "VALUE", "LOW", "HIGH", "N", "N_BASELINE"));
    // Where nothing was counted nothing was compared, and 0 would look like a figure.
    boolean isCounted = !Json.text(explanation, "effect.baselineCount").equals("0");
    for (String name : List.of("shiftSigma", "psi", "jensenShannon", "wasserstein")) {
      boolean isKnown = isCounted || name.equals("shiftSigma");
      effect.add(
          List.of(
              name,
              isKnown ? Json.text(explanation, "effect." + name) : "-",
              isKnown ? Json.text(explanation, "effect." + name + "Low") : "-",
              isKnown ? Json.text(explanation, "effect." + name + "High") : "-",
              isCounted ? Json.text(explanation, "effect.count") : "-",
              isCounted ? Json.text(explanation, "effect.baselineCount") : "-"));
    }
    out.println();
    effect.print(out);
    if (!Json.text(explanation, "effect.shiftSigma").equals("-")
        && Json.text(explanation, "effect.baselineCount").equals("0")) {
      line(
          out,
          "of two labels at once no counts from before are kept: see the distribution, of stored"
              + " windows");
    }
  }

  private static void printEvidence(JsonObject explanation, PrintWriter out) {
    if (Json.find(explanation, "evidence").isEmpty()) {
      return;
    }
    out.println();
    line(
        out,
        "stored with the verdict: %s units, sum y %s, sum y^2 %s, tolerance %s, clip %s, part %s, c = %s, H = %s"
            .formatted(
                Json.text(explanation, "evidence.units"),
                Json.text(explanation, "evidence.sum"),
                Json.text(explanation, "evidence.squares"),
                Json.text(explanation, "evidence.tolerance"),
                Json.text(explanation, "evidence.scale"),
                Json.text(explanation, "evidence.part"),
                Json.text(explanation, "evidence.windowsPerFalseIncident"),
                Json.text(explanation, "evidence.detectors")));
    line(out, "bets b %s".formatted(list(explanation, "evidence.bets")));
    line(
        out,
        "M(t-1) of each, rising, then falling %s".formatted(list(explanation, "evidence.before")));
    line(out, "y of each unit %s".formatted(list(explanation, "evidence.values")));
    table(
            Json.array(explanation, "evidence.bins"),
            "LOW low",
            "HIGH high",
            "LEARNED baseline",
            "WINDOW count")
        .print(out);
  }

  private static String list(JsonObject of, String name) {
    List<String> all = new ArrayList<>();
    Json.array(of, name).forEach(one -> all.add(one.getAsString()));
    return String.join(" ", all);
  }

  private static void printEvents(JsonObject explanation, PrintWriter out) {
    JsonArray marks = Json.array(explanation, "marks");
    if (marks.isEmpty()) {
      return;
    }
    out.println();
    line(
        out,
        "what happened near the onset; DIFFERENCE = mean move of the devices that it reached - of the others");
    table(
            marks,
            "EVENT name",
            "BEGAN at",
            "COHORT devices",
            "CAUSE check.answer",
            "DIFFERENCE check.difference",
            "LOW check.low",
            "HIGH check.high")
        .print(out);
  }

  private static void printCorrelations(JsonObject explanation, PrintWriter out) {
    JsonArray pairs = Json.array(explanation, "correlations.pairs");
    if (pairs.isEmpty()) {
      return;
    }
    out.println();
    line(
        out,
        "correlations within devices that changed most surely since the onset, from %s of %s devices"
            .formatted(
                Json.text(explanation, "correlations.devices"),
                Json.text(explanation, "correlations.devicesKnown")));
    line(
        out,
        "(%s read; sums of %s days a device before and %s since, a share of %s of less than a day or of unknown length)"
            .formatted(
                Json.text(explanation, "correlations.devicesRead"),
                Json.text(explanation, "correlations.daysBefore"),
                Json.text(explanation, "correlations.daysSince"),
                Json.text(explanation, "correlations.partial")));
    table(
            pairs,
            "FEATURE feature",
            "OTHER other",
            "BEFORE before",
            "SINCE since",
            "CHANGE change",
            "LOW low",
            "HIGH high",
            "DEVICES devices",
            "N_BEFORE predictionsBefore",
            "N_SINCE predictionsSince")
        .print(out);
  }

  /** A row for each document, a column for each "TITLE path". */
  private static Table table(Iterable<? extends JsonElement> rows, String... columns) {
    List<String[]> parts = Arrays.stream(columns).map(column -> column.split(" ", 2)).toList();
    Table table = new Table(parts.stream().map(part -> part[0]).toList());
    for (JsonElement row : rows) {
      table.add(parts.stream().map(part -> Json.text(row.getAsJsonObject(), part[1])).toList());
    }
    return table;
  }

  private static void line(PrintWriter out, String text) {
    out.println(Table.printable(text));
  }

  private static double evidence(JsonObject stream) {
    return Json.find(stream, "logEvidence").map(JsonElement::getAsDouble).orElse(0.0);
  }
}
