package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.FakeModel;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ModelSlotsTest {
  private static final ModelName NAME = new ModelName("m");
  private static final SlotId MAIN = new SlotId("main");
  private static final SlotId SPARE = new SlotId("spare");

  private final ModelSlots slots = new ModelSlots();

  @Test
  void theNewVersionAnswersAndTheOldOneCloses() throws Exception {
    FakeModel old = FakeModel.answering();
    ServingModel first = serving(MAIN, 1, old);
    ServingModel second = serving(MAIN, 2, FakeModel.answering());

    assertThat(slots.activate(MAIN, first)).isEmpty();
    assertThat(slots.activate(MAIN, second)).contains(first);

    assertThat(slots.active(MAIN)).contains(second);
    assertThat(first.awaitClosed(Duration.ofSeconds(5))).isTrue();
    assertThat(old.closed()).isTrue();
  }

  @Test
  void closingWaitsForTheLastLease() throws Exception {
    FakeModel old = FakeModel.answering();
    ServingModel first = serving(MAIN, 1, old);
    slots.activate(MAIN, first);
    ModelLease one = slots.acquire(NAME, Optional.empty()).orElseThrow();
    ModelLease two = slots.acquire(MAIN).orElseThrow();

    slots.remove(MAIN);
    one.close();
    one.close();

    assertThat(first.awaitClosed(Duration.ZERO)).isFalse();
    assertThat(slots.acquire(MAIN)).isEmpty();
    two.close();
    assertThat(first.awaitClosed(Duration.ofSeconds(5))).isTrue();
    assertThat(old.met()).isFalse();
  }

  @Test
  void theHighestVersionAnswersUnlessOneIsNamed() {
    slots.activate(MAIN, serving(MAIN, 9, FakeModel.answering()));
    slots.activate(SPARE, serving(SPARE, 10, FakeModel.answering()));

    assertThat(version(Optional.empty())).contains(10L);
    assertThat(version(Optional.of(9L))).contains(9L);
    assertThat(version(Optional.of(8L))).isEmpty();
    assertThat(slots.find(new ModelName("other"), Optional.empty())).isEmpty();
  }

  @Test
  void activatingTheActiveVersionAgainKeepsIt() throws Exception {
    ServingModel model = serving(MAIN, 1, FakeModel.answering());
    slots.activate(MAIN, model);

    assertThat(slots.activate(MAIN, model)).isEmpty();

    assertThat(model.awaitClosed(Duration.ZERO)).isFalse();
    assertThat(slots.active(MAIN)).contains(model);
  }

  @Test
  void refusesAVersionMadeForAnotherSlot() {
    assertThatThrownBy(() -> slots.activate(SPARE, serving(MAIN, 1, FakeModel.answering())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("m@1 in slot main")
        .hasMessageContaining("slot spare");
  }

  @Test
  void closingEmptiesEverySlot() throws Exception {
    ServingModel one = serving(MAIN, 1, FakeModel.answering());
    ServingModel two = serving(SPARE, 2, FakeModel.answering());
    slots.activate(MAIN, one);
    slots.activate(SPARE, two);

    slots.close();

    assertThat(slots.active()).isEmpty();
    assertThat(one.awaitClosed(Duration.ofSeconds(5))).isTrue();
    assertThat(two.awaitClosed(Duration.ofSeconds(5))).isTrue();
  }

  private Optional<Long> version(Optional<Long> wanted) {
    return slots.find(NAME, wanted).map(model -> model.version().version());
  }

  private static ServingModel serving(SlotId slot, long version, FakeModel model) {
    return new ServingModel(
        slot, new ModelVersion(NAME, version), Digest.of(new byte[] {(byte) version}), model);
  }
}
