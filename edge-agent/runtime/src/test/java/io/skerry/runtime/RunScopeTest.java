package io.skerry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RunScopeTest {
  private final TensorPool pool = new TensorPool(1 << 20);

  @Test
  void takesTheSameMemoryAgainOnceItIsGivenBack() {
    ByteBuffer first;
    try (RunScope scope = pool.open()) {
      first = scope.take(3000);
      first.put(0, (byte) 7);
    }
    try (RunScope scope = pool.open()) {
      ByteBuffer second = scope.take(2500);

      assertThat(second.get(0)).isEqualTo((byte) 7);
      assertThat(second.remaining()).isEqualTo(2500);
      assertThat(second.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
      assertThat(second.isDirect()).isTrue();
    }
  }

  @Test
  void neverGivesMemoryToTwoCallsAtATime() {
    try (RunScope one = pool.open();
        RunScope other = pool.open()) {
      one.take(100).put(0, (byte) 1);
      other.take(100).put(0, (byte) 2);

      assertThat(one.take(100).get(0)).isZero();
    }
  }

  @Test
  void keepsNoMoreThanItMay() {
    List<RunScope> scopes = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      scopes.add(pool.open());
      scopes.getLast().take(60_000);
    }
    scopes.forEach(RunScope::close);

    assertThat(pool.bytesIdle()).isEqualTo(1 << 20);
    pool.clear();
    assertThat(pool.bytesIdle()).isZero();
  }

  @Test
  void keepsNothingVeryLarge() {
    TensorPool large = new TensorPool(Long.MAX_VALUE);
    try (RunScope scope = large.open()) {
      assertThat(scope.take(TensorPool.BYTES_KEPT_MAX).remaining())
          .isEqualTo(TensorPool.BYTES_KEPT_MAX);
      scope.take(TensorPool.BYTES_KEPT_MAX + 1);
    }

    assertThat(large.bytesIdle()).isEqualTo(TensorPool.BYTES_KEPT_MAX);
  }

  @Test
  void takesNothingToo() {
    try (RunScope scope = pool.open()) {
      assertThat(scope.take(0).remaining()).isZero();
    }
  }

  @Test
  void stopsARunWhileItIsUnderWayAndRefusesLaterOnes() throws Exception {
    AtomicInteger stops = new AtomicInteger();
    RunScope scope = RunScope.lasting();

    scope.enter(stops::incrementAndGet);
    scope.stop();
    scope.leave();
    scope.stop();

    assertThat(stops).hasValue(1);
    assertThatThrownBy(() -> scope.enter(stops::incrementAndGet))
        .isInstanceOfSatisfying(
            EngineException.class,
            e -> assertThat(e.reason()).isEqualTo(EngineException.Reason.STOPPED));
  }
}
