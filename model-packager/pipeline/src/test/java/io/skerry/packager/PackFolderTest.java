package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be written is refused before the model is looked at, which is none here. */
class PackFolderTest {
  @TempDir private Path folder;
  private Path out;

  @BeforeEach
  void nameOut() {
    out = folder.resolve("out");
  }

  @Test
  void refusesAReportInAFolderThatIsNotThere() throws Exception {
    assertThat(refusal("--json", folder.resolve("none/r.json").toString())).contains("--json");
    assertThat(refusal("--json", folder.toString())).contains("--json");
    assertThat(folder).isEmptyDirectory();
  }

  /** Of a folder for candidates that is not there, only itself and one for each profile is made. */
  @Test
  void refusesAReportWhereTheCandidatesFolderHasNoPlaceForIt() throws Exception {
    for (Path above : List.of(folder, out)) {
      Path candidates = above.resolve("c");
      for (Path report : List.of(candidates, above, candidates.resolve("arm64-neon"))) {
        assertThat(refusal("--json", report.toString(), "--candidates", candidates.toString()))
            .contains("--json " + report);
      }
    }
    Path candidates = folder.resolve("c");
    assertThat(refusal("--json", candidates + "/sub/r.json", "--candidates", candidates.toString()))
        .contains("--json", "cannot be written");
    assertThat(refusal("--json", candidates + "/r.json", "--candidates", candidates.toString()))
        .contains("none.onnx");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void refusesCandidatesBelowAFile() throws Exception {
    Path file = Files.createFile(folder.resolve("file"));

    assertThat(refusal("--candidates", file.resolve("c").toString()))
        .contains("--candidates", "name another");
  }

  @Test
  void refusesToWriteOverWhatItPackages() throws Exception {
    assertThat(refusal("--json", out.resolve("release.pub").toString())).contains("its own files");
    assertThat(refusal("--candidates", out.resolve("arm64-neon/x").toString()))
        .contains("its own files");
    assertThat(refusal("--candidates", out.toString())).contains("its own files");
  }

  @Test
  void refusesTheFolderThatOneIsInAndTheRoot() throws Exception {
    assertThat(refusal(Path.of("/"))).contains("name a new folder");
    Path here = Files.createDirectories(folder.resolve("here"));

    assertThatThrownBy(() -> PackFolder.of(here.resolve("../here"), Set.of(), here))
        .hasMessageContaining("the folder you are in");
    assertThat(here).isEmptyDirectory();
  }

  /** As {@code --json /dev/stdout} is where another program reads it. */
  @Test
  void writesReportsIntoPipes() throws Exception {
    Process reader = new ProcessBuilder("cat").start();
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      List<Path> pipes = open.filter(PackFolderTest::isPipe).filter(Files::isWritable).toList();
      assumeThat(pipes).isNotEmpty();
      PackFolder packed = PackFolder.of(out, Set.of());

      assertThat(packed.file("--json", pipes.getFirst(), folder, Optional.empty()))
          .isEqualTo(pipes.getFirst());
    } finally {
      reader.destroy();
    }
  }

  private static boolean isPipe(Path file) {
    try {
      return Files.readSymbolicLink(file).toString().startsWith("pipe:");
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void putsWhatIsAskedForBelowOutIntoTheUnfinishedFolder() throws Exception {
    Path there = Files.createDirectories(folder.resolve("there"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), there);
    PackFolder packed = PackFolder.of(link, Set.of());
    try (PassingFolder unfinished = packed.unfinished()) {
      Path part = unfinished.path();

      assertThat(packed.file("--json", there.resolve("a/r.json"), part, Optional.empty()))
          .isEqualTo(part.resolve("a/r.json"));
      assertThat(packed.folder("--candidates", link.resolve("c"), part))
          .isEqualTo(part.resolve("c"));

      packed.finish(part);
    }
    assertThat(link).isSymbolicLink();
    assertThat(there).isEmptyDirectory();
  }

  private String refusal(String... more) throws Exception {
    return refusal(out, more);
  }

  private String refusal(Path target, String... more) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--model", "none.onnx",
                "--calibration", "none.npy",
                "--profile", "arm64-neon",
                "--out", target.toString()));
    arguments.addAll(List.of(more));
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream before = System.err;
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      assertThat(PackCommand.run(arguments.toArray(String[]::new))).isEqualTo(1);
    } finally {
      System.setErr(before);
    }
    return said.toString(StandardCharsets.UTF_8);
  }
}
