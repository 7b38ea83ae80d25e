package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PaceTest {
  private final Pace pace = new Pace();

  @Test
  void knowsNothingBeforeTheFirstCall() {
    assertThat(pace.isShort()).isFalse();
  }

  @Test
  void isShortAfterAShortCall() {
    pace.took(20_000);

    assertThat(pace.isShort()).isTrue();
  }

  @Test
  void stopsBeingShortWithOneLongCall() {
    pace.took(20_000);
    pace.took(10_000_000);

    assertThat(pace.isShort()).isFalse();
  }

  @Test
  void isShortAgainAfterAPauseThatOneCallMet() {
    pace.took(20_000);
    pace.took(10_000_000);
    for (int i = 0; i < 40; i++) {
      pace.took(20_000);
    }

    assertThat(pace.isShort()).isTrue();
  }
}
