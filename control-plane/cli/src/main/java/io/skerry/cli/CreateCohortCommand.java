package io.skerry.cli;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import io.skerry.api.CohortRequest;
import io.skerry.api.client.SkerryClient;
import java.io.PrintWriter;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "cohort",
    description =
        "Names the devices that have certain labels, so that a rollout's stage can take them.",
    mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class CreateCohortCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "NAME")
  private String name;

  @Option(
      names = {"-l", "--selector"},
      required = true,
      split = ",",
      paramLabel = "KEY=VALUE",
      description = "labels that a device must all have")
  private Map<String, String> selector;

  @Option(
      names = {"-o", "--output"},
      defaultValue = "table",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}")
  private Output output;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (SkerryClient client = server.client()) {
      JsonObject made =
          client.send(
              "PUT",
              "/v1/cohorts/" + DescribeCommand.encoded(name),
              "application/json",
              BodyPublishers.ofString(new Gson().toJson(new CohortRequest(selector))),
              JsonObject.class);
      switch (output) {
        case JSON -> out.println(Json.pretty(made));
        case NAME -> out.println("cohort/" + Table.printable(name));
        case TABLE ->
            out.println(
                "cohort/%s set: %s devices now"
                    .formatted(Table.printable(name), Json.text(made, "devices")));
      }
    }
    return ExitCodes.DONE;
  }
}
