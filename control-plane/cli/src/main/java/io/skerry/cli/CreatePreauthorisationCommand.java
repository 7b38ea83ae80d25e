package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.Preauthorisation;
import io.skerry.api.PreauthorisationRequest;
import io.skerry.api.client.SkerryClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "preauthorisation",
    description = "Lets named devices enrol: one, or those of a file.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The file has one device a line: NAME[,KEY_SHA256[,KEY=VALUE;KEY=VALUE]]",
      "Empty lines and those that begin with # count for nothing."
    })
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class CreatePreauthorisationCommand implements Callable<Integer> {
  /** What the control plane takes in one request. */
  private static final int A_REQUEST = 1000;

  private static final long FILE_BYTES_MAX = 64L << 20;

  @Mixin private ServerOptions server;

  @ArgGroup(exclusive = true, multiplicity = "1")
  private Devices devices;

  static final class Devices {
    @Option(
        names = {"-f", "--file"},
        paramLabel = "FILE",
        description = "a device a line")
    private @Nullable Path file;

    @ArgGroup(exclusive = false)
    private @Nullable One one;
  }

  @SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
  static final class One {
    @Option(
        names = "--device",
        required = true,
        description = "its name, such as its serial number")
    private String device;

    @Option(
        names = "--key-sha256",
        paramLabel = "HEX",
        description = "SHA-256 of its public key in DER: then it needs no token")
    private @Nullable String keySha256;

    @Option(
        names = {"--label", "--labels"},
        paramLabel = "KEY=VALUE",
        split = ",")
    private @Nullable Map<String, String> labels;
  }

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    List<Preauthorisation> all = all();
    try (SkerryClient client = server.client()) {
      for (int i = 0; i < all.size(); i += A_REQUEST) {
        client.post(
            "/v1/preauthorisations",
            new PreauthorisationRequest(all.subList(i, Math.min(all.size(), i + A_REQUEST))),
            JsonObject.class);
      }
    }
    spec.commandLine()
        .getOut()
        .println(
            all.size() == 1
                ? "device/%s may enrol".formatted(Table.printable(all.getFirst().device()))
                : "%d devices may enrol".formatted(all.size()));
    return ExitCodes.DONE;
  }

  private List<Preauthorisation> all() {
    One one = devices.one;
    if (one != null) {
      return List.of(new Preauthorisation(one.device, one.keySha256, one.labels));
    }
    Path file = devices.file == null ? Path.of("") : devices.file;
    List<Preauthorisation> all = new ArrayList<>();
    int number = 0;
    for (String line : lines(file)) {
      number++;
      if (!line.isBlank() && !line.startsWith("#")) {
        all.add(read(file, number, line));
      }
    }
    if (all.isEmpty()) {
      throw new CommandFailed(ExitCodes.USAGE, "%s names no device".formatted(file));
    }
    return all;
  }

  private static List<String> lines(Path file) {
    try {
      if (Files.size(file) > FILE_BYTES_MAX) {
        throw new CommandFailed(
            ExitCodes.USAGE, "%s has more than %d bytes: split it".formatted(file, FILE_BYTES_MAX));
      }
      return Files.readAllLines(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new CommandFailed(ExitCodes.USAGE, "file %s cannot be read".formatted(file));
    }
  }

  private static Preauthorisation read(Path file, int number, String line) {
    String[] parts = line.split(",", -1);
    Map<String, String> labels = new TreeMap<>();
    if (parts.length > 2 && !parts[2].isBlank()) {
      for (String label : parts[2].split(";", -1)) {
        String[] pair = label.split("=", -1);
        if (pair.length != 2) {
          throw damaged(file, number, "'%s' is no KEY=VALUE".formatted(label));
        }
        labels.put(pair[0].strip(), pair[1].strip());
      }
    }
    if (parts.length > 3) {
      throw damaged(file, number, "it has more than NAME,KEY_SHA256,LABELS");
    }
    return new Preauthorisation(
        parts[0].strip(),
        parts.length > 1 && !parts[1].isBlank() ? parts[1].strip() : null,
        labels);
  }

  private static CommandFailed damaged(Path file, int number, String why) {
    return new CommandFailed(ExitCodes.USAGE, "line %d of %s: %s".formatted(number, file, why));
  }
}
