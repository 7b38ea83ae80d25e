package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.DeviceTimings.Timing;
import io.skerry.control.TestControlPlane;
import io.skerry.control.host.DataFolder;
import io.skerry.control.sql.Database;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("slow")
class TimingReportsTest {
  private static final Digest FIRST = Digest.of(new byte[] {1});
  private static final Digest SECOND = Digest.of(new byte[] {2});

  private final TestControlPlane plane = TestControlPlane.shared();
  @TempDir private Path folder;

  @BeforeEach
  void forget() {
    plane.bean(Database.class).run(transaction -> transaction.update("delete from timing"));
  }

  @Test
  void aPackagingGetsWhatEveryDeviceToldLastOfEveryFile() throws Exception {
    tell("arm64-dotprod", "cam-1", timing(FIRST, 900), timing(SECOND, 70));
    tell("arm64-dotprod", "cam-2", timing(FIRST, 800));
    tell("arm64-dotprod", "cam-3", timing(FIRST, 850), timing(SECOND, 75));
    tell("arm64-neon", "pi", timing(FIRST, 2000));
    assertThat(tell("arm64-dotprod", "cam-1", timing(SECOND, 60)).body())
        .contains("\"timings\":1", "\"device\":\"cam-1\"");

    List<DeviceTimings> written = written("arm64-dotprod", "x86-64-avx2");

    assertThat(written)
        .extracting(DeviceTimings::device)
        .as("who told last comes last")
        .containsExactly("cam-2", "cam-3", "cam-1");
    assertThat(written).extracting(DeviceTimings::profile).containsOnly("arm64-dotprod");
    assertThat(written)
        .satisfiesExactly(
            second -> assertThat(second.timings()).containsExactly(timing(FIRST, 800)),
            third ->
                assertThat(third.timings())
                    .containsExactlyInAnyOrder(timing(FIRST, 850), timing(SECOND, 75)),
            first ->
                assertThat(first.timings())
                    .containsExactlyInAnyOrder(timing(FIRST, 900), timing(SECOND, 60)));
  }

  @Test
  void aPackagingOfProfilesThatNothingIsKnownOfGetsNone() throws Exception {
    tell("arm64-neon", "pi", timing(FIRST, 2000));

    assertThat(written("arm64-dotprod")).isEmpty();
  }

  @Test
  void forgetsTheOldestBeyondWhatIsKept() throws Exception {
    for (int report = 0; report * TimingReports.OF_REPORT_MAX <= TimingReports.KEPT_MAX; report++) {
      List<Timing> many = new ArrayList<>();
      for (int i = 0; i < TimingReports.OF_REPORT_MAX; i++) {
        many.add(
            timing(Digest.of("%d/%d".formatted(report, i).getBytes(StandardCharsets.UTF_8)), 1));
      }
      assertThat(tell("arm64-neon", "pi", many.toArray(Timing[]::new)).statusCode()).isEqualTo(200);
    }

    List<Timing> known =
        written("arm64-neon").stream().flatMap(report -> report.timings().stream()).toList();

    assertThat(known).hasSize(TimingReports.KEPT_MAX);
    assertThat(known)
        .extracting(Timing::model)
        .doesNotContain(Digest.of("0/0".getBytes(StandardCharsets.UTF_8)))
        .contains(Digest.of("10/999".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void findsReportsInTheDataFolderThatCountNoMore() throws Exception {
    TimingReports reports = plane.bean(TimingReports.class);
    assertThat(reports.uncounted()).isEmpty();

    Path old = plane.bean(DataFolder.class).child(TimingReports.FOLDER);
    Path report = old.resolve("pi.json");
    try {
      Files.writeString(report, "{}");
      Files.writeString(old.resolve("readme.txt"), "");

      assertThat(reports.uncounted()).containsExactly(report);
    } finally {
      Files.deleteIfExists(report);
      Files.deleteIfExists(old.resolve("readme.txt"));
      Files.delete(old);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{} | kind",
        "nothing | skerry agent bench --report",
        "{\"kind\":\"timings\",\"profile\":\"esp32\",\"device\":\"d\",\"timings\":[]} | hardware profile 'esp32' is unknown",
        "{\"kind\":\"timings\",\"profile\":\"arm64-neon\",\"device\":\" \",\"timings\":[]} | device: it must have",
        "{\"kind\":\"timings\",\"profile\":\"arm64-neon\",\"device\":\"a\\u0000b\",\"timings\":[]} | no control characters",
        "{\"kind\":\"timings\",\"profile\":\"arm64-neon\",\"device\":\"d\",\"timings\":[]} | there are 0, expected 1 to 1000",
      })
  void refusesWhatIsNoReport(String body, String reason) {
    HttpResponse<String> answer = post(body.getBytes(StandardCharsets.UTF_8));

    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body()).contains(reason);
  }

  @Test
  void refusesAnEngineThatNobodyHasAndMoreThanAReportMayHold() throws Exception {
    Timing odd = new Timing(FIRST, "abacus", 1, 1, 1, 0, 1);

    assertThat(tell("arm64-neon", "pi", odd).body()).contains("engine 'abacus' must be one of");
    assertThat(
            tell(
                    "arm64-neon",
                    "pi",
                    Collections.nCopies(TimingReports.OF_REPORT_MAX + 1, timing(FIRST, 1))
                        .toArray(Timing[]::new))
                .statusCode())
        .isEqualTo(400);
    assertThat(written("arm64-neon")).isEmpty();
  }

  private static Timing timing(Digest model, double p50Micros) {
    return new Timing(model, "tflite", p50Micros, 2 * p50Micros, 4.1, 0, 500);
  }

  private HttpResponse<String> tell(String profile, String device, Timing... timings) {
    return post(new DeviceTimings(profile, device, List.of(timings)).json());
  }

  private HttpResponse<String> post(byte[] body) {
    return plane.post("/v1/timings", new String(body, StandardCharsets.UTF_8));
  }

  private List<DeviceTimings> written(String... profiles) throws IOException {
    Path to = folder.resolve("timings");
    plane.bean(TimingReports.class).write(to, List.of(profiles));
    if (!Files.exists(to)) {
      return List.of();
    }
    List<DeviceTimings> reports = new ArrayList<>();
    try (Stream<Path> files = Files.list(to)) {
      for (Path file : files.sorted().toList()) {
        reports.add(DeviceTimings.parse(file.toString(), Files.readAllBytes(file)));
      }
    }
    return reports;
  }
}
