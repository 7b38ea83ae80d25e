package io.skerry.control.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.TestControlPlane;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
class TrainingTest {
  private static final Pattern SNAPSHOT = Pattern.compile("\"snapshot\":\"([^\"]+)\"");

  private final TestControlPlane plane = TestControlPlane.shared();

  /** A run that waits its turn, only to fail, tells hours later what is known now. */
  @Test
  void startsNoRunOnExamplesTooShortForTheNetwork() {
    String snapshot = stored(RunPlan.WINDOW_MIN - 1);

    HttpResponse<String> answer =
        plane.post("/v1/runs", "{\"model\":\"short\",\"snapshot\":\"%s\"}".formatted(snapshot));

    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body())
        .contains(
            "examples of 10 cycles",
            "at least 11",
            "store the data as another batch with window=11");
    assertThat(plane.get("/v1/runs").body()).doesNotContain("short@");
  }

  private String stored(int window) {
    StringBuilder csv = new StringBuilder("device,cycle,s2,label\n");
    for (int device = 0; device < 10; device++) {
      for (int row = 1; row <= 14; row++) {
        csv.append("engine-%d,%d,%d,%d\n".formatted(device, row, row, row > 12 ? 1 : 0));
      }
    }
    HttpResponse<String> answer =
        plane.send(
            plane
                .request("/v1/datasets/short/batches/b1?window=" + window)
                .header("Authorization", "Bearer " + plane.token())
                .header("Content-Type", "text/csv")
                .POST(BodyPublishers.ofString(csv.toString())));
    Matcher snapshot = SNAPSHOT.matcher(answer.body());
    assertThat(snapshot.find()).as(answer.body()).isTrue();
    return snapshot.group(1);
  }
}
