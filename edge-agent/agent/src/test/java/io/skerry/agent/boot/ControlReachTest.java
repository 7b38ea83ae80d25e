package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ControlReachTest {
  private static final Instant STORED = Instant.parse("2026-11-27T12:00:00Z");

  private final Queue<Runnable> tasks = new ArrayDeque<>();
  private long nanos = 7;
  private boolean answers = true;
  private int asked;
  private final ControlReach reach = new ControlReach(this::ask, tasks::add, () -> nanos);

  private void ask() throws IOException {
    asked++;
    if (!answers) {
      throw new IOException("nobody is there");
    }
  }

  private boolean isReached(@Nullable Instant stored, long switches, boolean needed) {
    boolean reached =
        reach.isReached(new ControlReach.Now(true, Optional.ofNullable(stored), switches, needed));
    while (!tasks.isEmpty()) {
      tasks.remove().run();
    }
    return reached;
  }

  @Test
  void aLinkThatIsUpProvesNothing() {
    answers = false;

    assertThat(isReached(null, 0, true)).isFalse();
    assertThat(isReached(null, 0, true)).isFalse();
    assertThat(asked).isEqualTo(1);
    nanos += ControlReach.ASK_EVERY.toNanos();
    assertThat(isReached(null, 0, true)).isFalse();
    assertThat(asked).isEqualTo(2);
  }

  @Test
  void storedRecordsProveItForAMinuteAndNobodyIsAsked() {
    assertThat(isReached(STORED, 0, true)).isTrue();
    nanos += ControlReach.PROOF_LASTS.toNanos() - 1;
    assertThat(isReached(STORED, 0, true)).isTrue();
    assertThat(asked).isZero();

    nanos += 1;
    assertThat(isReached(STORED, 0, false)).isFalse();
    assertThat(asked).isZero();
  }

  @Test
  void anAnswerFromBeforeASwitchSaysNothingAboutTheDeviceAfterIt() {
    assertThat(isReached(STORED, 0, true)).isTrue();

    assertThat(isReached(STORED, 1, true)).isFalse();
    assertThat(asked).isEqualTo(1);
    assertThat(isReached(STORED, 1, true)).isTrue();
  }

  @Test
  void anAnswerThatComesAfterTheNextSwitchDoesNotCount() {
    reach.isReached(new ControlReach.Now(true, Optional.empty(), 1, true));
    reach.isReached(new ControlReach.Now(true, Optional.empty(), 2, true));
    tasks.remove().run();

    assertThat(reach.isReached(new ControlReach.Now(true, Optional.empty(), 2, false))).isFalse();
  }

  @Test
  void withoutALinkNothingIsReached() {
    assertThat(isReached(STORED, 0, true)).isTrue();

    assertThat(reach.isReached(new ControlReach.Now(false, Optional.of(STORED), 0, true)))
        .isFalse();
  }
}
