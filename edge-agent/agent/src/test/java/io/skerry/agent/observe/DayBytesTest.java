package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.agent.observe.DayBytes.Kind;
import io.skerry.telemetry.sketch.DayUse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DayBytesTest {
  @TempDir private Path folder;

  private DayBytes open() {
    return DayBytes.open(Disk.local(), folder);
  }

  private static void assertSent(DayBytes days, String model, Kind kind, long day, long bytes) {
    assertThat(days.use(model, kind).day()).isEqualTo(day);
    assertThat(days.use(model, kind).bytes()).isEqualTo(bytes);
  }

  @Test
  void remembersNeverLessThanWasSentAndLittleMore() {
    DayBytes days = open();
    days.sent("a", Kind.WINDOWS, 7, 101, 6400);
    days.sent("a", Kind.SAMPLES, 7, 100, 6400);
    days.sent("b", Kind.WINDOWS, 8, 6400, 6400);
    days.sent("c", Kind.WINDOWS, 8, 6400, 0);

    DayBytes again = open();

    assertSent(again, "a", Kind.WINDOWS, 7, 200);
    assertSent(again, "a", Kind.SAMPLES, 7, 100);
    assertSent(again, "b", Kind.WINDOWS, 8, 6400);
    assertThat(again.use("c", Kind.WINDOWS).bytes()).isZero();
    again.sent("a", Kind.WINDOWS, 8, 3, 6400);
    assertSent(open(), "a", Kind.WINDOWS, 8, 100);
  }

  /** Another version of a model that is watched has no second budget. */
  @Test
  void forgetsNothingThatIsInUse() {
    DayBytes days = open();
    DayUse idle = days.use("idle", Kind.WINDOWS);
    for (int i = 0; i <= DayBytes.ENTRIES_MAX; i++) {
      days.sent("m" + i, Kind.WINDOWS, 7, 1, 64);
    }
    assertThat(days.use("idle", Kind.WINDOWS)).isSameAs(idle);

    days.release("idle", Kind.WINDOWS);
    days.release("idle", Kind.WINDOWS);
    for (int i = 0; i <= DayBytes.ENTRIES_MAX; i++) {
      days.sent("m" + i, Kind.SAMPLES, 7, 1, 64);
    }
    assertThat(days.use("idle", Kind.WINDOWS)).isNotSameAs(idle);
  }

  @Test
  void remembersTheLargestLimitOfTheDay() throws IOException {
    DayBytes days = open();
    days.sent(DayBytes.DEVICE, Kind.WINDOWS, 7, 5000, 100_000);
    assertThat(open().use(DayBytes.DEVICE, Kind.WINDOWS).largest(10)).isEqualTo(100_000);

    // As earlier agents wrote it.
    DurableFile.write(
        Disk.local(),
        folder.resolve("day-bytes"),
        "7 a WINDOWS 100\n".getBytes(StandardCharsets.UTF_8));
    assertSent(open(), "a", Kind.WINDOWS, 7, 100);
    assertThat(open().use("a", Kind.WINDOWS).largest(10)).isEqualTo(10);
  }

  @Test
  void writesOnlyWhenMoreIsSentThanItSaid() throws IOException {
    DayBytes days = open();
    days.sent("a", Kind.WINDOWS, 7, 1, 6400);
    Files.delete(folder.resolve("day-bytes"));

    days.sent("a", Kind.WINDOWS, 7, 100, 6400);
    assertThat(folder.resolve("day-bytes")).doesNotExist();
    days.sent("a", Kind.WINDOWS, 7, 101, 6400);
    assertThat(folder.resolve("day-bytes")).exists();
  }

  @Test
  void forgetsTheOldestAndGoesOnWithADamagedFile() throws IOException {
    DayBytes days = open();
    for (int i = 0; i <= DayBytes.ENTRIES_MAX; i++) {
      days.sent("m" + i, Kind.WINDOWS, 7, 1, 64);
    }
    assertThat(days.use("m0", Kind.WINDOWS).bytes()).isZero();
    assertThat(open().use("m0", Kind.WINDOWS).bytes()).isZero();
    assertThat(open().use("m1", Kind.WINDOWS).bytes()).isPositive();
    Files.writeString(folder.resolve("day-bytes"), "damaged");
    Files.deleteIfExists(folder.resolve("day-bytes.before"));

    assertThat(open().use("m1", Kind.WINDOWS).bytes()).isZero();
    DayBytes.open(Disk.local(), folder.resolve("nowhere")).sent("a", Kind.WINDOWS, 7, 1, 64);
  }
}
