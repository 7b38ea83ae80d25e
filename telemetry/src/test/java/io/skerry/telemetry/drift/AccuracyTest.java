package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.DeviceId;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AccuracyTest {
  @Test
  void countsBalancedAccuracyAndAveragePrecisionByHand() {
    List<Outcome> outcomes =
        List.of(
            outcome("a", .9, true),
            outcome("a", .8, false),
            outcome("b", .7, true),
            outcome("b", .3, false),
            outcome("b", .2, true),
            outcome("c", .1, false));

    Accuracy accuracy = Accuracy.of(outcomes, .5).orElseThrow();

    assertThat(accuracy.balanced().value()).isCloseTo(2.0 / 3, within(1e-12));
    assertThat(accuracy.prAuc().value()).isCloseTo((1 + 2.0 / 3 + 3.0 / 5) / 3, within(1e-12));
    assertThat(accuracy.devices()).isEqualTo(3);
  }

  @Test
  void countsEveryClassAlikeHoweverManyThereAre() {
    List<Accuracy.OfClass> outcomes = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      int actual = i % 10 == 0 ? 2 : i % 2;
      // Class 0 is always right, 1 in half of the devices, 2 never.
      int predicted = actual == 0 ? 0 : actual == 1 && i % 4 == 1 ? 1 : 0;
      outcomes.add(new Accuracy.OfClass(new DeviceId("d" + i % 20), predicted, actual, 1 + i % 2));
    }

    Accuracy accuracy = Accuracy.ofClasses(outcomes, Set.of(0, 1, 2)).orElseThrow();

    assertThat(accuracy.balanced().value()).isCloseTo(.5, within(.02));
    assertThat(accuracy.balanced().low()).isLessThan(accuracy.balanced().value());
    assertThat(accuracy.devices()).isEqualTo(20);
    assertThat(accuracy.positives()).isEqualTo(150);
    assertThat(Accuracy.ofClasses(outcomes.subList(1, 2), Set.of(0, 1, 2))).isEmpty();
  }

  /** A class that was never there before would lower the mean although no class got worse. */
  @Test
  void comparesByClassesThatSeveralDevicesToldOfBeforeAndSince() {
    List<Accuracy.OfClass> before = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      int actual = i % 3;
      before.add(
          new Accuracy.OfClass(new DeviceId("d" + i % 20), i % 10 == 0 ? 9 : actual, actual, 1));
    }
    List<Accuracy.OfClass> since = new ArrayList<>(before);
    since.add(new Accuracy.OfClass(new DeviceId("d0"), 0, 99, 1));

    Set<Integer> classes = Accuracy.comparable(before, since);
    Accuracy first = Accuracy.ofClasses(before, classes).orElseThrow();
    Accuracy second = Accuracy.ofClasses(since, classes).orElseThrow();

    assertThat(classes).containsExactlyInAnyOrder(0, 1, 2);
    assertThat(second.balanced()).isEqualTo(first.balanced());
    assertThat(second.isWorseThan(first, .02)).isFalse();
  }

  @Test
  void isUnknownWhereOneDeviceToldAllOfAClass() {
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      outcomes.add(outcome("d" + i % 10, .1, false));
    }
    outcomes.add(outcome("d0", .1, true));

    Estimate balanced = Accuracy.of(outcomes, .5).orElseThrow().balanced();

    assertThat(balanced.value()).isEqualTo(.5);
    assertThat(balanced.low()).isZero();
    assertThat(balanced.high()).isEqualTo(1);
  }

  @Test
  void isUnknownWithOneClassOnly() {
    assertThat(Accuracy.of(List.of(outcome("a", .9, true)), .5)).isEmpty();
    assertThat(Accuracy.of(List.of(), .5)).isEmpty();
  }

  @Test
  void isWiderWhenOutcomesComeInBlocksOfDevices() {
    List<Outcome> mixed = new ArrayList<>();
    List<Outcome> blocks = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      boolean right = i % 5 > 0;
      mixed.add(outcome("d" + i / 5 % 10, i % 2 == 0 == right ? .9 : .1, i % 2 == 0));
      blocks.add(
          outcome("d" + (right ? i % 8 : 8 + i % 2), i % 2 == 0 == right ? .9 : .1, i % 2 == 0));
    }

    double mixedWidth = Accuracy.of(mixed, .5).orElseThrow().balanced().halfWidth();
    double blockWidth = Accuracy.of(blocks, .5).orElseThrow().balanced().halfWidth();

    assertThat(blockWidth).isGreaterThan(2 * mixedWidth);
  }

  private static Outcome outcome(String device, double score, boolean positive) {
    return new Outcome(new DeviceId(device), score, positive);
  }
}
