package io.skerry.agent.update;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.update.UpdateMachine.Situation;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.UnitName;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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
    return alone(slot, version).withUnit(UNIT);
  }

  private static DesiredSlot alone(SlotId slot, long version) {
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
        Optional.empty());
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

  /** A slot that goes back takes along what its unit switched with it and is not proven. */
  @Test
  void nobodyKeepsAnUnprovenVersionWhenTheUnitGoesBack() {
    Step back = new Step.RollingBack(FAILURE, 1);
    SlotState leaving =
        at(A, back).withRunning(Optional.of(order(A, 2))).withPending(Optional.of(order(A, 3)));
    SlotState fetching =
        at(B, new Step.Downloading(1, Optional.empty()))
            .withOrder(order(B, 3))
            .withRunning(Optional.of(order(B, 2)));

    assertThat(UnitRule.news(Map.of(A, leaving, B, fetching)).keySet()).containsExactly(B);
    assertThat(UnitRule.news(Map.of(A, leaving, B, fetching.withProven(order(B, 2)))).keySet())
        .isEmpty();
    SlotState left =
        machine
            .on(
                fetching,
                requireNonNull(UnitRule.news(Map.of(A, leaving, B, fetching)).get(B)),
                new Situation(Instant.EPOCH, true, true))
            .state();
    assertThat(left.step()).isInstanceOf(Step.RollingBack.class);
    assertThat(left.order()).contains(order(B, 2));
    assertThat(left.pending()).contains(order(B, 3));
  }

  /** What two slots have behind them when their first order as a unit comes. */
  private enum History {
    NONE,
    ONE_PROVEN,
    BOTH_PROVEN,
    OTHER_UNPROVEN
  }

  /** Whatever happens to two slots of a unit, what runs in them is never of two documents. */
  @ParameterizedTest
  @EnumSource
  void neverRunsAMixture(History history) {
    long switches = 0;
    for (long seed = 0; seed < 25; seed++) {
      switches += play(history, new Random(seed), "seed " + seed);
    }
    assertThat(switches).isGreaterThan(25);
  }

  /** Plays and judges; how often both slots committed something newer. */
  private long play(History history, Random random, String seed) {
    Map<SlotId, SlotState> states = new HashMap<>(before(history));
    Map<SlotId, DesiredSlot> wanted = new HashMap<>();
    Set<List<Long>> documents = new HashSet<>(Set.of(pair(states)));
    Set<List<Long>> committed = new HashSet<>();
    Instant now = Instant.EPOCH;
    long version = 1;
    for (int i = 0; i < 1500; i++) {
      now = now.plus(Duration.ofSeconds(random.nextInt(20)));
      Situation situation = new Situation(now, random.nextInt(10) > 0, true);
      if (version == 1 || random.nextInt(60) == 0) {
        version++;
        int changed = version == 2 ? 3 : 1 + random.nextInt(3);
        for (SlotId slot : List.of(A, B)) {
          if ((changed & (slot.equals(A) ? 1 : 2)) != 0) {
            wanted.put(slot, order(slot, version));
          }
          UpdateEvent ordered =
              new UpdateEvent.Ordered(new Generation(1, version), requireNonNull(wanted.get(slot)));
          states.compute(slot, (id, state) -> machine.on(state, ordered, situation).state());
        }
        documents.add(
            Stream.of(A, B)
                .map(slot -> requireNonNull(wanted.get(slot)).version().version())
                .toList());
      } else {
        SlotId slot = random.nextBoolean() ? A : B;
        UpdateEvent event = event(random, requireNonNull(states.get(slot)));
        states.compute(slot, (id, state) -> machine.on(state, event, situation).state());
      }
      settle(states, situation);
      List<Long> running = pair(states);
      assertThat(running.contains(0L) || documents.contains(running))
          .as("%s, step %d: %s runs of %s: %s", seed, i, running, documents, states)
          .isTrue();
      if (states.values().stream().allMatch(state -> state.step() instanceof Step.Committed)) {
        committed.add(running);
      }
    }
    return committed.size();
  }

  private static Map<SlotId, SlotState> before(History history) {
    SlotState proven = ran(A, 1, new Step.Committed()).withProven(alone(A, 1));
    return switch (history) {
      case NONE -> Map.of(A, SlotState.INITIAL, B, SlotState.INITIAL);
      case ONE_PROVEN -> Map.of(A, proven, B, SlotState.INITIAL);
      case BOTH_PROVEN ->
          Map.of(A, proven, B, ran(B, 1, new Step.Committed()).withProven(alone(B, 1)));
      case OTHER_UNPROVEN ->
          Map.of(A, proven, B, ran(B, 1, new Step.Probation(Instant.MAX, Instant.MAX, true, true)));
    };
  }

  /** A slot that runs a version which was ordered for itself. */
  private static SlotState ran(SlotId slot, long version, Step step) {
    DesiredSlot order = alone(slot, version);
    return at(slot, step).withOrder(order).withRunning(Optional.of(order));
  }

  private static List<Long> pair(Map<SlotId, SlotState> states) {
    return List.of(running(state(states, A)), running(state(states, B)));
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
