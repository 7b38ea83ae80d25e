package io.skerry.packager.keys;

import io.skerry.artifact.keys.KeyCeremony;
import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.keys.Rotation;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.protocol.ModelName;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Key ceremonies. */
public final class Main {
  private static final int FAILED = 1;

  private Main() {}

  /** Exits with 0, 1 when it could not be done, 2 on wrong usage. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    System.exit(
        run(
            new PrintWriter(System.out, true, StandardCharsets.UTF_8),
            new PrintWriter(System.err, true, StandardCharsets.UTF_8),
            arguments));
  }

  static int run(PrintWriter out, PrintWriter err, String... arguments) {
    return new CommandLine(new Skerry())
        .setOut(out)
        .setErr(err)
        .setExecutionExceptionHandler(
            (failure, command, parsed) -> {
              if (failure instanceof FileAlreadyExistsException) {
                err.printf(
                    "skerry: %s is there already, and keys are never written over: name a new"
                        + " folder%n",
                    failure.getMessage());
                return FAILED;
              }
              if (failure instanceof IOException || failure instanceof IllegalArgumentException) {
                err.println("skerry: " + failure.getMessage());
                return FAILED;
              }
              throw failure;
            })
        .execute(arguments);
  }

  /** The word before every command. */
  @Command(
      name = "skerry",
      subcommands = {Create.class, Rotate.class, SignCommand.class},
      mixinStandardHelpOptions = true)
  static final class Skerry {}

  /** What is made for the first time. */
  @Command(name = "create", description = "Makes the first keys.")
  static final class Create {
    @Spec @Nullable CommandSpec spec;

    @Command(
        name = "keys",
        description = "Makes every key of a fleet and version 1 of its root document, on files.",
        mixinStandardHelpOptions = true)
    int keys(
        @Option(names = "--out", required = true, paramLabel = "DIR", description = "a new folder")
            Path out,
        @Option(
                names = "--root-keys",
                defaultValue = "1",
                paramLabel = "N",
                description = "how many root keys; default: ${DEFAULT-VALUE}")
            int rootKeys,
        @Option(
                names = "--threshold",
                defaultValue = "1",
                paramLabel = "M",
                description = "how many of them must agree; default: ${DEFAULT-VALUE}")
            int threshold,
        @Option(
                names = "--delegate",
                defaultValue = "*:*",
                paramLabel = "MODEL:PROFILE",
                description =
                    "what the automation key may release, for example engine-health:rpi5+jetson;"
                        + " 'none' for nothing; default: ${DEFAULT-VALUE}")
            String delegate)
        throws IOException {
      KeyFolder folder = new KeyFolder(out.resolve("online"), out.resolve("offline"));
      boolean none = delegate.equals("none");
      Rotation.Scope scope = scope(none ? "*:*" : delegate);
      KeyCeremony.create(
          folder,
          new KeyCeremony.Plan(
              rootKeys,
              threshold,
              none ? List.of() : List.copyOf(scope.models()),
              List.copyOf(scope.profiles())),
          Instant.now());
      PrintWriter printer = printer(spec);
      printer.printf("%s: bring it to a safe, it never lies on a server%n", folder.offline());
      printer.printf("%s: copy its files to the server's keys/%n", folder.online());
      printer.printf(
          "root 1, fingerprint %s%n", RootDocument.fingerprint(folder.roots().getFirst()));
      printer.flush();
      return 0;
    }
  }

  /** What takes the place of something. */
  @Command(name = "rotate", description = "Signs the next root document.")
  static final class Rotate {
    @Spec @Nullable CommandSpec spec;

    @Command(
        name = "keys",
        description =
            "Signs the next root document with the root keys, with new keys where asked; without"
                + " any it prolongs.",
        mixinStandardHelpOptions = true)
    int keys(
        @Option(
                names = "--dir",
                required = true,
                paramLabel = "DIR",
                description = "folder of 'create keys', or a server's keys/")
            Path dir,
        @Option(names = "--new-root") boolean root,
        @Option(names = "--new-release") boolean release,
        @Option(names = "--new-director") boolean director,
        @Option(names = "--new-snapshot") boolean snapshot,
        @Option(names = "--new-automation") boolean automation,
        @Option(
                names = "--delegate",
                paramLabel = "MODEL:PROFILE",
                description =
                    "what the automation key may release from now on, several times if needed;"
                        + " 'none' for nothing; default: as before")
            @Nullable List<String> delegate,
        @Option(
                names = "--floor",
                paramLabel = "MODEL=COUNTER",
                description = "the lowest release counter that devices may begin")
            @Nullable Map<String, Long> floors)
        throws IOException {
      KeyFolder folder = KeyFolder.at(dir);
      Map<ModelName, Long> named = new HashMap<>();
      if (floors != null) {
        floors.forEach((model, counter) -> named.put(new ModelName(model), counter));
      }
      RootDocument next =
          new Rotation(
                  fresh(root, release, director, snapshot, automation), scopes(delegate), named)
              .run(folder, Instant.now());
      PrintWriter printer = printer(spec);
      printer.printf("%s: valid until %s%n", folder.rootFile(next.version()), next.expires());
      printer.printf(
          "copy it and the online keys to the server's keys/ and start the server again; devices"
              + " follow by themselves%n");
      printer.flush();
      return 0;
    }

    private static Set<Rotation.Fresh> fresh(
        boolean root, boolean release, boolean director, boolean snapshot, boolean automation) {
      Set<Rotation.Fresh> fresh = EnumSet.noneOf(Rotation.Fresh.class);
      Map.of(
              Rotation.Fresh.ROOT,
              root,
              Rotation.Fresh.RELEASE,
              release,
              Rotation.Fresh.DIRECTOR,
              director,
              Rotation.Fresh.SNAPSHOT,
              snapshot,
              Rotation.Fresh.AUTOMATION,
              automation)
          .forEach(
              (role, wanted) -> {
                if (wanted) {
                  fresh.add(role);
                }
              });
      return fresh;
    }

    private static Optional<List<Rotation.Scope>> scopes(@Nullable List<String> delegate) {
      if (delegate == null) {
        return Optional.empty();
      }
      return Optional.of(
          delegate.equals(List.of("none"))
              ? List.of()
              : delegate.stream().map(Main::scope).toList());
    }
  }

  /** {@code MODEL[+MODEL]:PROFILE[+PROFILE]}, with {@code *} for all of one. */
  private static Rotation.Scope scope(String text) {
    String[] parts = text.split(":", -1);
    if (parts.length != 2 || parts[0].isEmpty() || parts[1].isEmpty()) {
      throw new IllegalArgumentException(
          "'%s' is no delegation: write MODEL:PROFILE, for example engine-health:rpi5-int8, or *:*"
              .formatted(text));
    }
    return new Rotation.Scope(Set.of(parts[0].split("\\+")), Set.of(parts[1].split("\\+")));
  }

  private static PrintWriter printer(@Nullable CommandSpec spec) {
    if (spec == null) {
      throw new IllegalStateException("only picocli makes this command");
    }
    return spec.commandLine().getOut();
  }
}
