package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.uplink.Quiet.End;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class QuietTest {
  private Duration wished = Duration.ofSeconds(100);
  private long nanos;
  private final Quiet quiet = new Quiet(() -> wished, () -> nanos);

  private void loseTwice() {
    quiet.ended(lostAfter(60));
    quiet.ended(lostAfter(60));
  }

  private static End lostAfter(long quietSeconds) {
    return new End(true, Duration.ofSeconds(quietSeconds), false);
  }

  @Test
  void isHalfAsLongAfterEveryTwoLostLinesInARowAndNeverShorterThanTheShortest() {
    assertThat(quiet.allowed()).hasSeconds(100);
    quiet.ended(lostAfter(60));
    assertThat(quiet.allowed()).hasSeconds(100);
    quiet.ended(new End(false, Duration.ofSeconds(60), false));
    quiet.ended(lostAfter(60));
    assertThat(quiet.allowed()).hasSeconds(100);
    quiet.ended(lostAfter(60));
    assertThat(quiet.allowed()).hasSeconds(50);

    for (int i = 0; i < 100; i++) {
      quiet.ended(lostAfter(60));
    }
    assertThat(quiet.allowed()).hasSeconds(30);
  }

  @Test
  void staysWhereALineWasInUseOrHeldForAsLongAsItMayBeQuiet() {
    for (int i = 0; i < 100; i++) {
      quiet.ended(lostAfter(30));
    }
    assertThat(quiet.allowed()).hasSeconds(100);
    for (int i = 0; i < 100; i++) {
      quiet.ended(new End(true, Duration.ofSeconds(110), true));
    }
    assertThat(quiet.allowed()).hasSeconds(100);

    quiet.ended(lostAfter(60));
    quiet.ended(new End(true, Duration.ofSeconds(110), true));
    quiet.ended(lostAfter(60));
    assertThat(quiet.allowed()).hasSeconds(100);
  }

  @Test
  void takesOneStepBackAWeekAfterTheLast() {
    wished = Duration.ofSeconds(400);
    loseTwice();
    loseTwice();
    nanos += Quiet.TAKEN_BACK.toNanos() - 1;
    assertThat(quiet.allowed()).hasSeconds(100);

    nanos++;
    assertThat(quiet.isAnother()).isTrue();
    assertThat(quiet.allowed()).hasSeconds(200);
    loseTwice();
    assertThat(quiet.allowed()).hasSeconds(100);
    nanos += Quiet.TAKEN_BACK.toNanos();
    assertThat(quiet.allowed()).hasSeconds(200);
    nanos += Quiet.TAKEN_BACK.toNanos();
    assertThat(quiet.allowed()).hasSeconds(400);
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
