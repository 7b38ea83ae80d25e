package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.RunScope;
import java.util.OptionalLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class RunRoomTest {
  private final RunRoom room =
      new RunRoom(new MemoryRoom(() -> OptionalLong.of(MemoryRoom.RESERVE_BYTES + 100)));
  private final RunScope here = RunScope.lasting();

  RunRoomTest() {
    here.mayNotWait();
  }

  private static void assertMustWait(ThrowingCallable run) {
    assertThatThrownBy(run)
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.MUST_WAIT));
  }

  @Test
  void waitsOnNoThreadThatMayNot() throws Exception {
    room.enter(60, false, RunScope.lasting());

    assertMustWait(() -> room.enter(60, false, here));

    room.leave(60);
    room.enter(60, false, here);
    room.leave(60);
  }

  @Test
  void measuresOnNoThreadThatMayNotWait() throws Exception {
    assertMustWait(() -> room.enter(0, true, here));

    room.enter(0, true, RunScope.lasting());
    assertMustWait(() -> room.enter(0, false, here));
    room.leave(0);
  }
}
