package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.LabelDecision;
import io.skerry.api.LabelRequest;
import io.skerry.api.client.SkerryClient;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "label",
    description = "Queues predictions for labelling, and says what they really were.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class LabelCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "queue",
      description = "Queues a model's sampled predictions that have no outcome.",
      mixinStandardHelpOptions = true)
  int queue(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL") String model,
      @Option(names = "--cohort", paramLabel = "ATTRIBUTE=VALUE") @Nullable String cohort,
      @Option(names = "--count", defaultValue = "100", description = "default: ${DEFAULT-VALUE}")
          int count,
      @Option(names = "--reason", defaultValue = "asked for") String reason) {
    try (SkerryClient client = server.client()) {
      JsonObject open =
          client.post(
              "/v1/labels", new LabelRequest(model, cohort, count, reason), JsonObject.class);
      spec.commandLine()
          .getOut()
          .println("%s predictions wait for labels".formatted(Json.array(open, "items").size()));
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "accept",
      description = "The prediction was right.",
      mixinStandardHelpOptions = true)
  int accept(@Mixin ServerOptions server, @Parameters(paramLabel = "ID") String id) {
    return decide(server, id, new LabelDecision("accept", null));
  }

  @Command(
      name = "correct",
      description = "The prediction was wrong, and this is what it was.",
      mixinStandardHelpOptions = true)
  int correct(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Parameters(paramLabel = "LABEL") double label) {
    return decide(server, id, new LabelDecision("correct", label));
  }

  @Command(name = "reject", description = "Nobody can tell.", mixinStandardHelpOptions = true)
  int reject(@Mixin ServerOptions server, @Parameters(paramLabel = "ID") String id) {
    return decide(server, id, new LabelDecision("reject", null));
  }

  private int decide(ServerOptions server, String id, LabelDecision decision) {
    try (SkerryClient client = server.client()) {
      JsonObject task =
          client.post("/v1/labels/" + DescribeCommand.encoded(id), decision, JsonObject.class);
      spec.commandLine()
          .getOut()
          .println(
              "label/%s %s"
                  .formatted(
                      Table.printable(id), Json.text(task, "state").toLowerCase(Locale.ROOT)));
    }
    return ExitCodes.DONE;
  }
}
