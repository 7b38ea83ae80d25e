package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.api.client.SkerryClient;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "token",
    description = "Makes a token with which devices enrol, and prints it, once.",
    mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class CreateTokenCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  @Option(
      names = "--uses",
      defaultValue = "1",
      description = "devices that may use it; default: ${DEFAULT-VALUE}")
  private int uses;

  @Option(
      names = {"--label", "--labels"},
      paramLabel = "KEY=VALUE",
      split = ",",
      description = "given to each device; several times or with commas")
  private @Nullable Map<String, String> labels;

  @Option(
      names = "--valid",
      defaultValue = "24h",
      paramLabel = "TIME",
      converter = Durations.class,
      description = "such as 90m, 24h or 30d, rounded up to hours; default: ${DEFAULT-VALUE}")
  private Duration valid;

  @Option(
      names = "--preauthorised-only",
      description = "only devices may use it that 'skerry create preauthorisation' named")
  private boolean preauthorisedOnly;

  @Option(
      names = {"-o", "--output"},
      defaultValue = "table",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}")
  private Output output;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    int hours = Math.toIntExact(valid.plus(Duration.ofHours(1)).minusNanos(1).toHours());
    try (SkerryClient client = server.client()) {
      JsonObject made =
          client.post(
              "/v1/enrolment-tokens",
              new EnrolmentTokenRequest(uses, labels, hours, preauthorisedOnly),
              JsonObject.class);
      switch (output) {
        case JSON -> out.println(Json.pretty(made));
        case TABLE, NAME -> out.println(Table.printable(Json.text(made, "token")));
      }
    }
    return ExitCodes.DONE;
  }
}
