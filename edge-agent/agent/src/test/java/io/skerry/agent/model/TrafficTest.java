package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.runtime.LoadedModel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TrafficTest {
  private static final ModelName NAME = new ModelName("m");
  private static final SlotId MAIN = new SlotId("main");
  private static final SlotId ONE = new SlotId("one");
  private static final SlotId TWO = new SlotId("two");
  private static final int KEYS = 20_000;

  private final ModelSlots slots = new ModelSlots();

  @Test
  void aTrialAnswersItsShareOfTheKeysAlwaysTheSameOnes() {
    put(MAIN, 1, new SlotMode.Active());
    put(ONE, 2, ab(0.1));

    Map<String, Long> first = versions();

    assertThat(share(first, 2)).isCloseTo(0.1, within(0.01));
    assertThat(versions()).isEqualTo(first);
  }

  @Test
  void aGrowingShareKeepsItsKeysAndAFullOneHasAll() {
    put(MAIN, 1, new SlotMode.Active());
    put(ONE, 2, ab(0.1));
    Map<String, Long> small = versions();

    slots.use(ONE, ab(0.3));
    Map<String, Long> grown = versions();
    slots.use(ONE, ab(1));

    assertThat(share(grown, 2)).isCloseTo(0.3, within(0.01));
    small.forEach(
        (key, version) -> assertThat(version == 1 || grown.getOrDefault(key, 0L) == 2).isTrue());
    assertThat(share(versions(), 2)).isEqualTo(1);
  }

  @Test
  void severalTrialsTakeTheirSharesSideBySide() {
    put(MAIN, 9, new SlotMode.Active());
    put(ONE, 1, ab(0.2));
    put(TWO, 2, ab(0.3));

    Map<String, Long> versions = versions();

    assertThat(share(versions, 1)).isCloseTo(0.2, within(0.01));
    assertThat(share(versions, 2)).isCloseTo(0.3, within(0.01));
    assertThat(share(versions, 9)).isCloseTo(0.5, within(0.01));
  }

  @Test
  void aTrialInALaterSlotMovesNoKeyOfOneBeforeWhateverTheirVersions() {
    put(MAIN, 1, new SlotMode.Active());
    put(ONE, 2, ab(0.2));
    Map<String, Long> alone = versions();

    put(TWO, 3, ab(0.3));

    versions()
        .forEach(
            (key, version) -> assertThat(version == 3 ? 1 : version).isEqualTo(alone.get(key)));
  }

  @Test
  void aHigherVersionOnTrialIsNotTheActiveOne() {
    put(MAIN, 1, new SlotMode.Active());
    put(ONE, 2, ab(0));

    assertThat(slots.find(NAME, Optional.empty()).orElseThrow().version().version()).isEqualTo(1);
    assertThat(share(versions(), 1)).isEqualTo(1);
  }

  @Test
  void aTrialAnswersWhoNamesItAndAShadowNobody() {
    put(MAIN, 1, new SlotMode.Active());
    put(ONE, 2, ab(0));
    put(TWO, 3, new SlotMode.Shadow(new SlotMode.Trial(MAIN, 1)));

    assertThat(slots.find(NAME, Optional.of(2L))).isPresent();
    assertThat(slots.find(NAME, Optional.of(3L))).isEmpty();
    assertThat(slots.shadows(MAIN)).hasSize(1);
    assertThat(slots.shadows(ONE)).isEmpty();
  }

  @Test
  void whatCannotAnswerTheSameRequestsGetsNone() {
    put(MAIN, 1, new SlotMode.Active());
    put(ONE, 2, ab(1), EchoModel.of(new TensorSpec("other", ElementType.FP32, List.of(2L))));
    put(
        TWO,
        3,
        new SlotMode.Shadow(new SlotMode.Trial(MAIN, 1)),
        EchoModel.of(new TensorSpec("other", ElementType.FP32, List.of(2L))));

    assertThat(share(versions(), 1)).isEqualTo(1);
    assertThat(slots.shadows(MAIN)).isEmpty();
  }

  @Test
  void severalSlotsChangeAtOneMoment() {
    put(MAIN, 1, new SlotMode.Active());

    slots.change(
        List.of(
            change(MAIN, 2, new SlotMode.Active(), FakeModel.answering()),
            change(ONE, 3, ab(1), FakeModel.answering())));

    assertThat(share(versions(), 3)).isEqualTo(1);
    assertThat(slots.active(MAIN).orElseThrow().version().version()).isEqualTo(2);
  }

  @Test
  void isQuickOnlyWhereEveryVersionThatMayAnswerIs() {
    put(MAIN, 1, new SlotMode.Active());
    put(ONE, 2, ab(0.01));
    ServingModel active = slots.active(MAIN).orElseThrow();
    ServingModel trial = slots.active(ONE).orElseThrow();
    active.pace().took(1000, 4);

    assertThat(slots.isShort(active, Optional.empty(), "", 4)).isFalse();
    assertThat(slots.isShort(active, Optional.of(1L), "", 4)).isTrue();
    assertThat(
            versions().entrySet().stream()
                .allMatch(
                    one ->
                        slots.isShort(active, Optional.empty(), one.getKey(), 4)
                            == (one.getValue() == 1)))
        .as("of a key it is known which version answers")
        .isTrue();

    trial.pace().took(1000, 4);
    assertThat(slots.isShort(active, Optional.empty(), "", 4)).isTrue();

    trial.pace().took(100_000_000, 4);
    assertThat(slots.isShort(active, Optional.empty(), "", 4)).isFalse();
    assertThat(slots.isShort(active, Optional.of(1L), "", 4)).isTrue();
  }

  private static SlotMode ab(double share) {
    return new SlotMode.Ab(new SlotMode.Trial(MAIN, share));
  }

  private void put(SlotId slot, long version, SlotMode mode) {
    put(slot, version, mode, FakeModel.answering());
  }

  private void put(SlotId slot, long version, SlotMode mode, LoadedModel model) {
    slots.change(List.of(change(slot, version, mode, model)));
  }

  private static ModelSlots.Change change(
      SlotId slot, long version, SlotMode mode, LoadedModel model) {
    return new ModelSlots.Change(
        slot,
        Optional.of(
            new ServingModel(
                slot,
                new ModelVersion(NAME, version),
                Digest.of(new byte[] {(byte) version}),
                model)),
        mode);
  }

  private Map<String, Long> versions() {
    Map<String, Long> versions = new HashMap<>();
    for (int i = 0; i < KEYS; i++) {
      String key = "key-" + i;
      try (ModelLease lease = slots.acquire(NAME, Optional.empty(), key).orElseThrow()) {
        versions.put(key, lease.model().version().version());
      }
    }
    return versions;
  }

  private static double share(Map<String, Long> versions, long version) {
    return (double) versions.values().stream().filter(one -> one == version).count()
        / versions.size();
  }
}
