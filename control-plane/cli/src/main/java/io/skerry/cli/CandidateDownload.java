package io.skerry.cli;

import io.skerry.api.CandidateFile;
import io.skerry.api.CandidateFiles;
import io.skerry.api.client.SkerryClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Brings candidates' files here, and tells what becomes of them. */
final class CandidateDownload {
  private CandidateDownload() {}

  static void run(
      SkerryClient client, VersionRef version, @Nullable String profile, Path out, PrintWriter told)
      throws IOException {
    String path = version.path() + "/candidates";
    List<CandidateFile> all = client.get(path, CandidateFiles.class).files();
    List<CandidateFile> wanted =
        all.stream().filter(file -> profile == null || file.profile().equals(profile)).toList();
    if (wanted.isEmpty()) {
      throw new CommandFailed(
          ExitCodes.NOT_FOUND,
          "no candidates' files of %s for '%s' are kept, but for %s: make them with 'skerry create variants %s --profile %s'"
              .formatted(
                  version,
                  profile,
                  all.stream().map(CandidateFile::profile).distinct().toList(),
                  version,
                  profile));
    }
    for (CandidateFile file : wanted) {
      Path to = within(within(out, file.profile()), file.name());
      Files.createDirectories(to.resolveSibling(""));
      client.download(
          "%s/%s/%s"
              .formatted(
                  path,
                  DescribeCommand.encoded(file.profile()),
                  DescribeCommand.encoded(file.name())),
          file.bytes(),
          to);
      told.println(Table.printable("%s, %d bytes".formatted(to, file.bytes())));
    }
    told.println(
        "time all of a profile's files on a device of it, tell the server, and let it choose anew:");
    told.println("./skerry agent bench --model FILE --model FILE... --report timings.json");
    told.println("./skerry import timings timings.json");
    StringBuilder anew = new StringBuilder("./skerry create variants " + version);
    wanted.stream()
        .map(CandidateFile::profile)
        .distinct()
        .forEach(chosen -> anew.append(" --profile ").append(chosen));
    told.println(Table.printable(anew.toString()));
  }

  /** A server's word is no reason to write anywhere else. */
  private static Path within(Path folder, String name) {
    if (name.isEmpty() || name.equals(".") || name.equals("..") || name.contains("/")) {
      throw new CommandFailed(
          ExitCodes.FAILED, Table.printable("the server names a file '%s'".formatted(name)));
    }
    return folder.resolve(name);
  }
}
