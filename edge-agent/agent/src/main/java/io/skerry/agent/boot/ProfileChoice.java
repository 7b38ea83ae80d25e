package io.skerry.agent.boot;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.profile.ProfileException;
import io.skerry.profile.ProfileMatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which hardware profiles there are: what the commands that use them have in common. */
final class ProfileChoice {
  @Option(
      names = "--profiles",
      paramLabel = "DIR",
      description = "folder with hardware profiles of your own: <id>.yaml")
  private @Nullable Path folder;

  private @Nullable ProfileCatalog read;

  /** What makes another process know the same ones. */
  List<String> arguments() {
    return folder == null ? List.of() : List.of("--profiles", folder.toString());
  }

  /** Whether there are any but the built-in ones. */
  boolean hasOwn() {
    return folder != null;
  }

  /**
   * All profiles, read the first time.
   *
   * @throws CommandException if the folder cannot be read, or its files have mistakes
   */
  ProfileCatalog catalog() {
    if (read == null) {
      try {
        read = ProfileCatalog.load(Optional.ofNullable(folder));
      } catch (ProfileException e) {
        throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
      } catch (IOException e) {
        throw new CommandException(ExitCode.NOT_FOUND, String.valueOf(e.getMessage()), e);
      }
    }
    return read;
  }

  /** What this machine is, and what works on it, as far as a profile asks for it. */
  Detected detected(EngineCatalog engines, Optional<Path> compiled) {
    return Detected.of(engines, catalog(), compiled);
  }

  /** The profile of this id. */
  HardwareProfile named(String id, Detected detected) {
    HardwareProfile named =
        catalog()
            .profile(id)
            .orElseThrow(
                () ->
                    new CommandException(
                        ExitCode.NOT_FOUND,
                        "no hardware profile '%s': there are %s"
                            .formatted(
                                id,
                                catalog().profiles().stream()
                                    .map(HardwareProfile::id)
                                    .collect(Collectors.joining(", ")))));
    ProfileMatch match = named.match(detected.facts());
    if (!match.matches()) {
      throw new CommandException(
          ExitCode.FAILED,
          "this machine is none of profile '%s': %s%s"
              .formatted(id, match.reason(), detected.because(named)));
    }
    return named;
  }
}
