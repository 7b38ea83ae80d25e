package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.update.UpdateMachine.Situation;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.UnitName;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnitRuleTest {
  private static final UnitName UNIT = new UnitName("line");
  private static final SlotId A = new SlotId("a");
  private static final SlotId B = new SlotId("b");
  private static final SlotReport.Failure FAILURE =
      new SlotReport.Failure(ErrorCode.GOLDEN_MISMATCH, "why");

  private final UpdateMachine machine = new UpdateMachine(UpdateMachineTest.policy());

  private static SlotState at(SlotId slot, Step step) {
    return new SlotState(
        new Generation(1, 1),
        Optional.of(order(slot, 2)),
        step,
        Instant.EPOCH,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        0,
        SlotState.Counts.ZERO);
  }

  private static DesiredSlot order(SlotId slot, long version) {
    DesiredSlot like = UpdateMachineTest.order(version, version);
    return new DesiredSlot(
        slot,
        version,
        like.version(),
        like.manifest(),
        like.signature(),
        like.artifactBase(),
        like.rollout(),
        like.sampling(),
        like.window(),
        like.probationPredictions(),
        like.probation(),
        new SlotMode.Active(),
        Optional.of(UNIT));
  }

  private static Map<SlotId, UpdateEvent> news(Step a, Step b) {
    return UnitRule.news(Map.of(A, at(A, a), B, at(B, b)));
  }

  @Test
  void nobodySwitchesBeforeAllAreLoaded() {
    assertThat(news(new Step.Ready(true), new Step.Compiling(true))).isEmpty();
    assertThat(news(new Step.Ready(true), new Step.Ready(true)))
        .containsOnly(
            Map.entry(A, new UpdateEvent.UnitReady()), Map.entry(B, new UpdateEvent.UnitReady()));
    assertThat(news(new Step.Ready(true), new Step.Committed()))
        .containsOnly(Map.entry(A, new UpdateEvent.UnitReady()));
  }

  @Test
  void nobodyCommitsBeforeAllHaveProvedThemselves() {
    Step probation = new Step.Probation(Instant.MAX, Instant.MAX, true, true);

    assertThat(news(new Step.Proved(), probation)).isEmpty();
    assertThat(news(new Step.Proved(), new Step.Proved()).values())
        .containsOnly(new UpdateEvent.UnitProved());
  }

  @Test
  void whenOneFailsNoneGoesOn() {
    Map<SlotId, UpdateEvent> news =
        news(new Step.Rejected(FAILURE), new Step.Downloading(1, Optional.empty()));

    assertThat(news.keySet()).containsExactly(B);
    assertThat(news.values())
        .first()
        .asString()
        .contains("slot a", "unit line", "GOLDEN_MISMATCH", "why");
    assertThat(news(new Step.Rejected(FAILURE), new Step.Committed())).isEmpty();
    // A switch that has begun ends first.
    assertThat(news(new Step.Rejected(FAILURE), new Step.Activating(true))).isEmpty();
  }

  @Test
  void aSlotThatIsSwitchedOffHoldsNobodyBack() {
    SlotState off =
        at(A, new Step.Failed(FAILURE)).withOrder(order(A, 2).withMode(new SlotMode.Off()));

    assertThat(UnitRule.news(Map.of(A, off, B, at(B, new Step.Ready(true)))).keySet())
        .containsExactly(B);
  }

  /** Whatever happens to two slots of a unit, what runs in them is never of two documents. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void neverRunsAMixture(long seed) {
    Random random = new Random(seed);
    Map<SlotId, SlotState> states =
        new HashMap<>(Map.of(A, SlotState.INITIAL, B, SlotState.INITIAL));
    Instant now = Instant.EPOCH;
    long version = 0;
    boolean switched = false;
    for (int i = 0; i < 6000; i++) {
      now = now.plus(Duration.ofSeconds(random.nextInt(20)));
      Situation situation = new Situation(now, true, true);
      if (random.nextInt(60) == 0) {
        version++;
        for (SlotId slot : List.of(A, B)) {
          UpdateEvent ordered =
              new UpdateEvent.Ordered(new Generation(1, version), order(slot, version));
          states.compute(slot, (id, state) -> machine.on(state, ordered, situation).state());
        }
      } else {
        SlotId slot = random.nextBoolean() ? A : B;
        UpdateEvent event = event(random, state(states, slot));
        states.compute(slot, (id, state) -> machine.on(state, event, situation).state());
      }
      settle(states, situation);
      long a = running(state(states, A));
      long b = running(state(states, B));
      assertThat(a).as("step %d of seed %d: %s", i, seed, states).isEqualTo(b);
      switched |= state(states, A).step().phase() == SlotPhase.COMMITTED && a > 1;
    }
    assertThat(switched).isTrue();
  }

  /** As the updater does it: units settle, and their switches and ways back end at once. */
  private void settle(Map<SlotId, SlotState> states, Situation situation) {
    Map<SlotId, UpdateEvent> news = UnitRule.news(states);
    while (!news.isEmpty()) {
      news.forEach(
          (slot, event) ->
              states.compute(slot, (id, state) -> machine.on(state, event, situation).state()));
      news = UnitRule.news(states);
    }
    boolean more = false;
    for (SlotId slot : List.of(A, B)) {
      SlotState state = state(states, slot);
      if (state.step() instanceof Step.Activating) {
        states.put(slot, machine.on(state, new UpdateEvent.Done(state.job()), situation).state());
        more = true;
      } else if (state.step() instanceof Step.RollingBack) {
        UpdateEvent restored =
            new UpdateEvent.Restored(state.job(), state.fallbacks().stream().findFirst());
        states.put(slot, machine.on(state, restored, situation).state());
        more = true;
      }
    }
    if (more) {
      settle(states, situation);
    }
  }

  private static UpdateEvent event(Random random, SlotState state) {
    if (state.step() instanceof Step.Compiling && random.nextInt(4) == 0) {
      return new UpdateEvent.Broken(
          state.job(), ErrorCode.GOLDEN_MISMATCH, "why", Optional.empty());
    }
    return switch (random.nextInt(4)) {
      case 0 -> new UpdateEvent.Ticked();
      case 1 -> new UpdateEvent.Counted(random.nextInt(6), random.nextInt(8) == 0 ? 3 : 0);
      // Repairs come of losses on disk, which are not played here.
      default ->
          state.step() instanceof Step.Repairing
              ? new UpdateEvent.Restored(state.job(), state.proven())
              : new UpdateEvent.Done(state.job());
    };
  }

  private static SlotState state(Map<SlotId, SlotState> states, SlotId slot) {
    return states.getOrDefault(slot, SlotState.INITIAL);
  }

  private static long running(SlotState state) {
    return state.running().map(order -> order.version().version()).orElse(0L);
  }
}
