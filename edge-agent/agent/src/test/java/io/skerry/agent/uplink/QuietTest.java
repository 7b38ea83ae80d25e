package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class QuietTest {
  private Duration wished = Duration.ofSeconds(100);
  private final Quiet quiet = new Quiet(() -> wished);

  @Test
  void isHalfAsLongAfterEveryTwoDeadLinesInARowAndNeverShorterThanTheShortest() {
    assertThat(quiet.allowed()).hasSeconds(100);
    quiet.ended(true);
    assertThat(quiet.allowed()).hasSeconds(100);
    quiet.ended(false);
    quiet.ended(true);
    assertThat(quiet.allowed()).hasSeconds(100);
    quiet.ended(true);
    assertThat(quiet.allowed()).hasSeconds(50);

    for (int i = 0; i < 100; i++) {
      quiet.ended(true);
    }
    assertThat(quiet.allowed()).hasSeconds(30);
  }

  @Test
  void isAnotherWhenWhatIsWishedChangedMuch() {
    quiet.allowed();
    assertThat(quiet.isAnother()).isFalse();
    wished = Duration.ofSeconds(140);
    assertThat(quiet.isAnother()).isFalse();
    wished = Duration.ofSeconds(150);
    assertThat(quiet.isAnother()).isTrue();
    wished = Duration.ofSeconds(66);
    assertThat(quiet.isAnother()).isTrue();
    quiet.allowed();
    assertThat(quiet.isAnother()).isFalse();
  }
}
