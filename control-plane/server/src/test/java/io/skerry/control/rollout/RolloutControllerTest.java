package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.TestControlPlane;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("slow")
class RolloutControllerTest {
  private final TestControlPlane plane = TestControlPlane.shared();

  @ParameterizedTest
  @CsvSource({"pause,404", "abort,404", "promote,428", "resume,428", "rollback,428", "retry,428"})
  void asksWhichRevisionWasSeenUnlessLessHappensAfterwards(String act, int status) {
    HttpResponse<String> answer = plane.post("/v1/rollouts/nothing/" + act, "{}");

    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
  }
}
