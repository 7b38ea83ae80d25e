package io.skerry.bench.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.scenario.Claim;
import io.skerry.simulator.scenario.Run;
import java.util.List;
import org.junit.jupiter.api.Test;

class HuntTest {
  private static final Claim THROWN = Claim.holds(Run.ENDS, false, "java.lang.VerifyError");
  private static final Claim LOST = Claim.holds("nothing-lost", false, "one record");
  private static final Claim HELD = Claim.holds("succeeded", true, "");

  @Test
  void aClassThatOnlyFailsIsNotFound() {
    assertThat(Hunt.broken(List.of(THROWN, HELD), false)).isEmpty();
    assertThat(Hunt.broken(List.of(THROWN, HELD, LOST), false)).contains(LOST);
  }

  @Test
  void nothingIsThrownWhereNothingIsPlanted() {
    assertThat(Hunt.broken(List.of(HELD, THROWN), true)).contains(THROWN);
    assertThat(Hunt.broken(List.of(HELD), true)).isEmpty();
  }
}
