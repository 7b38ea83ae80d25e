package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PaceTest {
  private static final int BYTES = 1_000;

  private final Pace pace = new Pace();

  @Test
  void knowsNothingBeforeTheFirstCall() {
    assertThat(pace.isShort(0)).isFalse();
  }

  @Test
  void isShortAfterAShortCall() {
    pace.took(20_000, BYTES);

    assertThat(pace.isShort(BYTES)).isTrue();
  }

  @Test
  void stopsBeingShortWithOneLongCall() {
    pace.took(20_000, BYTES);
    pace.took(10_000_000, BYTES);

    assertThat(pace.isShort(BYTES)).isFalse();
  }

  @Test
  void isShortAgainAfterAPauseThatOneCallMet() {
    pace.took(20_000, BYTES);
    pace.took(10_000_000, BYTES);
    for (int i = 0; i < 40; i++) {
      pace.took(20_000, BYTES);
    }

    assertThat(pace.isShort(BYTES)).isTrue();
  }

  @Test
  void saysNothingAboutCallsThatAreLargerThanAnyThatWasShort() {
    pace.took(20_000, BYTES);

    assertThat(pace.isShort(BYTES + 1)).isFalse();
    assertThat(pace.isShort(BYTES - 1)).isTrue();

    pace.took(30_000, 60 * BYTES);
    assertThat(pace.isShort(60 * BYTES)).isTrue();
  }

  @Test
  void aLongCallSaysThatOthersOfItsSizeMayBeLong() {
    for (int i = 0; i < 40; i++) {
      pace.took(20_000, BYTES);
    }
    pace.took(30_000, 60 * BYTES);
    pace.took(400_000, 50 * BYTES);

    assertThat(pace.isShort(BYTES)).isTrue();
    assertThat(pace.isShort(50 * BYTES)).isFalse();

    pace.took(200_000, 60 * BYTES);
    assertThat(pace.isShort(60 * BYTES)).isTrue();
  }
}
