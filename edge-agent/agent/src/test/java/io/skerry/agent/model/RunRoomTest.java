package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.RunScope;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
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

  /** What a load set aside may not have been taken yet: it is not free for a run. */
  @Test
  void waitsForALoadThatSetsAsideWhatItNeeds() throws Exception {
    MemoryRoom shared = new MemoryRoom(() -> OptionalLong.of(MemoryRoom.RESERVE_BYTES + 100));
    RunRoom runs = new RunRoom(shared);
    MemoryRoom.Reserved load = shared.reserve(Path.of("absent.onnx"), 60);
    assertMustWait(() -> runs.enter(60, false, here));
    FutureTask<Void> waiting =
        new FutureTask<>(
            () -> {
              runs.enter(60, false, RunScope.lasting());
              return null;
            });
    Thread thread = Thread.ofPlatform().daemon().start(waiting);
    while (thread.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }

    load.close();

    waiting.get(10, TimeUnit.SECONDS);
    runs.leave(60);
    // More than there ever is waits for nobody.
    MemoryRoom.Reserved another = shared.reserve(Path.of("absent.onnx"), 60);
    assertThatThrownBy(() -> runs.enter(161, false, here))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NO_ROOM));
    another.close();
  }

  /** A load gives much of what it takes back when it is done. */
  @Test
  void waitsForALoadThatHasTakenWhatItNeeds() throws Exception {
    AtomicLong free = new AtomicLong(MemoryRoom.RESERVE_BYTES + 100);
    MemoryRoom shared = new MemoryRoom(() -> OptionalLong.of(free.get()));
    RunRoom runs = new RunRoom(shared);
    MemoryRoom.Reserved load = shared.reserve(Path.of("absent.onnx"), 60);
    free.addAndGet(-60);

    assertMustWait(() -> runs.enter(60, false, here));

    free.addAndGet(40);
    load.close();
    runs.enter(60, false, here);
    runs.leave(60);
  }
}
