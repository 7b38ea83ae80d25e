package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.update.UpdateMachine.Situation;
import io.skerry.agent.update.UpdateMachine.Transition;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotPhase;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever happens in whatever order, some things always hold. */
class UpdateMachinePropertiesTest {
  private static final int EVENTS = 4000;
  private static final List<ErrorCode> FAULTS =
      List.of(
          ErrorCode.DOWNLOAD_FAILED,
          ErrorCode.ARTIFACT_NOT_FOUND,
          ErrorCode.ARTIFACT_DIGEST_MISMATCH,
          ErrorCode.STORAGE_FULL,
          ErrorCode.STORAGE_FAILED,
          ErrorCode.MODEL_LOAD_FAILED,
          ErrorCode.GOLDEN_MISMATCH,
          ErrorCode.ACCEPTANCE_MEMORY,
          ErrorCode.SUPERSEDED,
          ErrorCode.INTERNAL);

  private final UpdatePolicy policy = UpdateMachineTest.policy();
  private final UpdateMachine machine = new UpdateMachine(policy);
  private Instant now = Instant.EPOCH;
  private long counter;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void holdsWhateverHappens(long seed) {
    Random random = new Random(seed);
    SlotState state = SlotState.INITIAL;
    List<SlotPhase> seen = new ArrayList<>();
    for (int i = 0; i < EVENTS; i++) {
      now = now.plus(Duration.ofSeconds(random.nextInt(200)));
      UpdateEvent event = event(random, state);
      Situation situation = new Situation(now, random.nextInt(4) > 0, random.nextInt(4) > 0);
      Transition transition = machine.on(state, event, situation);
      check(state, event, transition, situation);
      state = transition.state();
      seen.add(state.step().phase());
    }
    assertThat(seen).contains(SlotPhase.COMMITTED, SlotPhase.ROLLED_BACK, SlotPhase.PROBATION);
  }

  private UpdateEvent event(Random random, SlotState state) {
    long job = state.job() - (random.nextInt(5) == 0 ? 1 : 0);
    return switch (random.nextInt(30)) {
      case 0 -> ordered(random);
      case 1 ->
          new UpdateEvent.Ordered(new Generation(1, random.nextLong(counter + 1)), any(random));
      case 2 ->
          new UpdateEvent.Broken(
              job, FAULTS.get(random.nextInt(FAULTS.size())), "why", Optional.empty());
      case 3 -> new UpdateEvent.Received(job, random.nextInt(1000), random.nextInt(2));
      case 4 -> new UpdateEvent.Counted(random.nextInt(4), random.nextInt(10) == 0 ? 3 : 0);
      case 5 ->
          random.nextInt(3) == 0
              ? new UpdateEvent.Started(state.fallbacks().stream().findFirst())
              : new UpdateEvent.Ticked();
      case 6 -> new UpdateEvent.Restored(job, state.fallbacks().stream().findFirst());
      case 7, 8, 9, 10, 11, 12, 13, 14 -> new UpdateEvent.Done(job);
      default -> new UpdateEvent.Ticked();
    };
  }

  private UpdateEvent ordered(Random random) {
    counter++;
    return new UpdateEvent.Ordered(new Generation(1, counter), any(random));
  }

  private DesiredSlot any(Random random) {
    return UpdateMachineTest.order(counter, 1 + random.nextInt(4));
  }

  private void check(
      SlotState before, UpdateEvent event, Transition transition, Situation situation) {
    SlotState after = transition.state();
    String what = "%s on %s gives %s".formatted(event, before, after);

    // What is proven stays proven until another version is.
    if (before.proven().isPresent()) {
      assertThat(after.proven()).as(what).isPresent();
    }
    if (!before.proven().equals(after.proven())) {
      assertThat(after.step()).as(what).isInstanceOf(Step.Committed.class);
      assertThat(after.runs(after.proven())).as(what).isTrue();
    }
    // A generation never goes back, and what is over stays over until a higher one comes.
    assertThat(after.generation()).as(what).isGreaterThanOrEqualTo(before.generation());
    boolean started = event instanceof UpdateEvent.Started;
    if (before.step().phase().isTerminal()
        && after.generation().equals(before.generation())
        && !started) {
      assertThat(after.step().phase()).as(what).isEqualTo(before.step().phase());
    }
    // A job that was overtaken has no effect.
    if (isStale(event, before)) {
      assertThat(after).as(what).isEqualTo(before);
      assertThat(transition.effects()).as(what).isEmpty();
    }
    // Loads are counted, and never more than allowed after a crash.
    assertThat(after.starts())
        .as(what)
        .isLessThanOrEqualTo(policy.startsMax() + policy.attemptsMax());
    // Nothing new begins on metadata that is not fresh.
    for (UpdateEffect effect : transition.effects()) {
      if (effect instanceof UpdateEffect.Download(long job, DesiredSlot order, long received)
          && received == 0
          && !(before.step() instanceof Step.Downloading)) {
        assertThat(situation.fresh() || after.isKnown(order)).as(what).isTrue();
      }
      // What was proven is only ever replaced on the way over a probation.
      if (effect instanceof UpdateEffect.Restore(long job, List<DesiredSlot> candidates)) {
        assertThat(candidates).as(what).isEqualTo(after.fallbacks());
      }
    }
    // At most one thing is under way.
    assertThat(
            transition.effects().stream()
                .filter(
                    effect ->
                        effect instanceof UpdateEffect.Download
                            || effect instanceof UpdateEffect.Verify
                            || effect instanceof UpdateEffect.Compile
                            || effect instanceof UpdateEffect.Activate
                            || effect instanceof UpdateEffect.Restore
                            || effect instanceof UpdateEffect.Repair)
                .count())
        .as(what)
        .isLessThanOrEqualTo(1);
  }

  private static boolean isStale(UpdateEvent event, SlotState state) {
    return switch (event) {
      case UpdateEvent.Done(long job) -> job != state.job();
      case UpdateEvent.Restored(long job, Optional<DesiredSlot> running) -> job != state.job();
      case UpdateEvent.Broken broken -> broken.job() != state.job();
      case UpdateEvent.Received received -> received.job() != state.job();
      default -> false;
    };
  }
}
