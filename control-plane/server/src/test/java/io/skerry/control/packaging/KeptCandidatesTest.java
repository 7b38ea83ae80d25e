package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.CandidateFile;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KeptCandidatesTest {
  private static final ModelVersion FIRST = new ModelVersion(new ModelName("cats"), 1);
  private static final ModelVersion SECOND = new ModelVersion(new ModelName("cats"), 2);

  @TempDir private Path folder;
  private Instant now = Instant.parse("2026-11-30T08:00:00Z");
  private long usable = Long.MAX_VALUE / 2;
  private KeptCandidates kept =
      new KeptCandidates(Path.of(""), Clock.systemUTC(), 0, folder -> usable);

  @BeforeEach
  void make() throws IOException {
    InstantSource source = () -> now;
    kept =
        new KeptCandidates(
            Files.createDirectory(folder.resolve("candidates")),
            source.withZone(ZoneOffset.UTC),
            10,
            folder -> usable);
  }

  @Test
  void keepsWhatTheNewestPackagingOfEachProfileMade() throws Exception {
    kept.keep(FIRST, List.of("neon", "avx2"), made("neon/a.onnx", "neon/b.tflite", "avx2/a.onnx"));
    kept.keep(FIRST, List.of("neon"), made("neon/c.onnx"));

    assertThat(kept.list(FIRST))
        .extracting(file -> file.profile() + "/" + file.name())
        .containsExactly("avx2/a.onnx", "neon/c.onnx");
    assertThat(kept.list(FIRST))
        .extracting(CandidateFile::keptUntil)
        .containsOnly(now.plus(Duration.ofDays(30)));
    try (KeptCandidates.Opened opened = kept.open(FIRST, "neon", "c.onnx")) {
      assertThat(opened.content()).hasContent("xxx");
    }

    // What no longer belongs to any variant would be timed for nothing.
    kept.keep(FIRST, List.of("neon", "avx2"), folder.resolve("nothing"));
    assertThatThrownBy(() -> kept.list(FIRST))
        .isInstanceOf(ProblemException.class)
        .hasMessageContainingAll(
            "cats@1", "on this server", "30 days", "skerry create variants cats@1");
  }

  @Test
  void forgetsTheOldestBeyondWhatMayBeKept() throws Exception {
    kept.keep(FIRST, List.of("neon"), made("neon/a.onnx", "neon/b.onnx"));
    now = now.plusSeconds(1);
    kept.keep(SECOND, List.of("neon"), made("neon/a.onnx"));
    assertThat(kept.list(FIRST)).hasSize(2);

    now = now.plusSeconds(1);
    kept.keep(SECOND, List.of("avx2"), made("avx2/a.onnx"));

    assertThat(kept.list(SECOND)).hasSize(2);
    assertThatThrownBy(() -> kept.list(FIRST)).isInstanceOf(ProblemException.class);
    assertThat(folder.resolve("candidates/cats@1")).doesNotExist();
  }

  @Test
  void forgetsWhatIsTooOld() throws Exception {
    kept.keep(FIRST, List.of("neon"), made("neon/a.onnx"));

    now = now.plus(Duration.ofDays(30)).minusSeconds(1);
    kept.forget();
    assertThat(kept.list(FIRST)).hasSize(1);
    now = now.plusSeconds(1);
    kept.forget();

    assertThat(folder.resolve("candidates")).isEmptyDirectory();
  }

  @ParameterizedTest
  @CsvSource({"neon, b.onnx", "avx2, a.onnx", "., neon", "neon, ../../secret", "neon, ''"})
  void givesNothingElse(String profile, String name) throws Exception {
    kept.keep(FIRST, List.of("neon"), made("neon/a.onnx"));
    Files.writeString(folder.resolve("candidates/secret"), "s");

    assertThatThrownBy(() -> kept.open(FIRST, profile, name))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("has no candidate");
  }

  @Test
  void givesWhatItOpenedAlsoWhenItIsRemovedThen() throws Exception {
    kept.keep(FIRST, List.of("neon"), made("neon/a.onnx"));

    try (KeptCandidates.Opened opened = kept.open(FIRST, "neon", "a.onnx")) {
      kept.keep(FIRST, List.of("neon"), folder.resolve("nothing"));

      assertThat(opened.bytes()).isEqualTo(3);
      assertThat(opened.content()).hasContent("xxx");
    }
    assertThatThrownBy(() -> kept.open(FIRST, "neon", "a.onnx"))
        .isInstanceOf(ProblemException.class);
  }

  @Test
  void doesWithoutFilesThatSomebodyElseRemoved() throws Exception {
    kept.keep(FIRST, List.of("neon"), made("neon/a.onnx"));
    Path gone = folder.resolve("candidates/cats@1/neon/gone.onnx");
    Files.createSymbolicLink(gone, folder.resolve("nowhere"));

    assertThat(kept.list(FIRST)).extracting(CandidateFile::name).containsExactly("a.onnx");
    assertThatThrownBy(() -> kept.open(FIRST, "neon", "gone.onnx"))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("has no candidate");
    // The link made its folder newer, by a clock that is not the test's.
    now = Instant.now().plus(Duration.ofDays(30));
    kept.forget();
    assertThat(folder.resolve("candidates")).isEmptyDirectory();
  }

  /** It is called when the packaging is done, which nothing here makes undone. */
  @Test
  void failsNoPackagingWhoseFilesItCannotKeep() throws Exception {
    Path made = made("neon/a.onnx");

    kept.keep(FIRST, List.of("no\0folder", "neon"), made);

    assertThatThrownBy(() -> kept.list(FIRST)).isInstanceOf(ProblemException.class);
  }

  @Test
  void leavesTheDatabaseHalfOfASmallDisk() throws Exception {
    kept.keep(FIRST, List.of("neon"), made("neon/a.onnx"));
    now = now.plusSeconds(1);
    kept.keep(SECOND, List.of("neon"), made("neon/a.onnx"));
    usable = DiskRoom.KEPT_FREE + 6;
    kept.forget();
    assertThat(kept.list(FIRST)).hasSize(1);

    usable = DiskRoom.KEPT_FREE + 5;
    kept.forget();

    assertThatThrownBy(() -> kept.list(FIRST)).isInstanceOf(ProblemException.class);
    assertThat(kept.list(SECOND)).hasSize(1);
    assertThat(kept.ofPackagingBytesMax()).isEqualTo(2);

    usable = DiskRoom.KEPT_FREE - 1_000;
    kept.forget();

    assertThat(folder.resolve("candidates")).isEmptyDirectory();
    assertThat(kept.ofPackagingBytesMax()).isZero();
  }

  @Test
  void letsNoPackagingTakeMoreThanIsKeptAtAll() throws Exception {
    assertThat(kept.ofPackagingBytesMax()).isBetween(0L, 10L);
  }

  /** Of three bytes each. */
  private Path made(String... files) throws IOException {
    Path made = Files.createTempDirectory(folder, "made");
    for (String file : files) {
      Path path = made.resolve(file);
      Files.createDirectories(path.resolveSibling(""));
      Files.writeString(path, "xxx");
    }
    return made;
  }
}
