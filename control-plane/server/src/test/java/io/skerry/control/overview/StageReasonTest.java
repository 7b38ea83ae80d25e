package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.overview.StageReason.Gate;
import org.junit.jupiter.api.Test;

class StageReasonTest {
  @Test
  void tellsGatesThatFailedFromTheOthers() {
    StageReason reason =
        StageReason.of(
            "a gate failed. failed-predictions (pooled) PASS: 0 of 293 predictions failed (0.0%;"
                + " limit 1.0%); feedback (x86-64-vnni) FAIL: accuracy 0.512 against 0.965; latency-p99"
                + " (arm64-neon) INCONCLUSIVE: 0 of 97; needs 200 in all");

    assertThat(reason.lead()).isEqualTo("a gate failed");
    assertThat(reason.against())
        .containsExactly(
            new Gate("feedback", "x86-64-vnni", "FAIL", "accuracy 0.512 against 0.965"));
    assertThat(reason.others())
        .containsExactly(
            new Gate(
                "failed-predictions",
                "pooled",
                "PASS",
                "0 of 293 predictions failed (0.0%; limit 1.0%)"),
            new Gate("latency-p99", "arm64-neon", "INCONCLUSIVE", "0 of 97; needs 200 in all"));
  }

  @Test
  void leavesOtherReasonsAsTheyAre() {
    assertThat(StageReason.of("ana paused it: lunch").lead()).isEqualTo("ana paused it: lunch");
    assertThat(StageReason.of(null).lead()).isEmpty();
  }
}
