package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.CoMoments;
import io.skerry.telemetry.sketch.WindowCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CorrelationChangeTest {
  private final Random random = new Random(6);

  /** Features 0 and 1 move together, 2 by itself; devices have levels of their own. */
  private CoMoments moments(double correlation, int rows) {
    CoMoments moments = new CoMoments(new int[] {0, 1, 2});
    double level = random.nextGaussian();
    for (int i = 0; i < rows; i++) {
      double common = random.nextGaussian();
      double own = Math.sqrt(1 - correlation * correlation) * random.nextGaussian();
      moments.add(
          new float[] {
            (float) (level + common),
            (float) (level + correlation * common + own),
            (float) (level + random.nextGaussian())
          });
    }
    return moments;
  }

  private List<CorrelationChange> changes(int devices, double before, double after) {
    List<CorrelationChange.Device> told = new ArrayList<>();
    for (int i = 0; i < devices; i++) {
      told.add(new CorrelationChange.Device(moments(before, 300), moments(after, 200)));
    }
    return CorrelationChange.of(told);
  }

  @Test
  void putsThePairFirstThatChangedMostSurely() {
    List<CorrelationChange> changes = changes(20, .8, .3);

    assertThat(changes).hasSize(3);
    CorrelationChange first = changes.getFirst();
    assertThat(first.one()).isZero();
    assertThat(first.other()).isEqualTo(1);
    assertThat(first.before()).isCloseTo(.8, within(.03));
    assertThat(first.after()).isCloseTo(.3, within(.05));
    assertThat(first.change().low()).isLessThan(-.5).isGreaterThan(-.6);
    assertThat(first.change().high()).isLessThan(-.4);
    assertThat(first.devices()).isEqualTo(20);
    assertThat(first.predictionsBefore()).isEqualTo(6000);
    assertThat(changes.getLast().change().isBeyondZero()).isFalse();
  }

  /** Joint intervals of 95 %: nearly all runs have none beyond 0. */
  @Test
  void findsNoChangeWhereThereIsNone() {
    int beyond = 0;
    for (int run = 0; run < 100; run++) {
      beyond +=
          changes(20, .5, .5).stream().anyMatch(change -> change.change().isBeyondZero()) ? 1 : 0;
    }

    assertThat(beyond).isLessThanOrEqualTo(15);
  }

  @Test
  void saysNothingOfFewDevicesOrFewPredictions() {
    assertThat(changes(7, .8, .3)).isEmpty();
    assertThat(CorrelationChange.of(List.of())).isEmpty();
    List<CorrelationChange.Device> few = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      few.add(new CorrelationChange.Device(moments(.5, 300), moments(.5, 20)));
    }
    assertThat(CorrelationChange.of(few)).isEmpty();
  }

  /** Twelve gateways whose surroundings change each in its own way; six devices see each. */
  @Test
  void countsDevicesOfOneUnitAsOneWitness() {
    int[] beyond = new int[2];
    for (int run = 0; run < 60; run++) {
      List<CorrelationChange.Device> apart = new ArrayList<>();
      List<CorrelationChange.Device> together = new ArrayList<>();
      for (int gateway = 0; gateway < 12; gateway++) {
        double after = Math.clamp(.5 + .2 * random.nextGaussian(), -1, 1);
        for (int i = 0; i < 6; i++) {
          CorrelationChange.Device one =
              new CorrelationChange.Device(moments(.5, 60), moments(after, 60));
          apart.add(one);
          together.add(one.of("g" + gateway));
        }
      }
      beyond[0] += pair(CorrelationChange.of(apart)).change().isBeyondZero() ? 1 : 0;
      CorrelationChange change = pair(CorrelationChange.of(together));
      beyond[1] += change.change().isBeyondZero() ? 1 : 0;
      assertThat(change.devices()).isEqualTo(72);
    }

    assertThat(beyond[0]).isGreaterThan(9);
    assertThat(beyond[1]).isLessThanOrEqualTo(6);
  }

  @Test
  void saysNothingOfFewUnits() {
    List<CorrelationChange.Device> told = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      told.add(new CorrelationChange.Device(moments(.8, 300), moments(.3, 200)).of("g" + i % 7));
    }

    assertThat(CorrelationChange.of(told)).isEmpty();
  }

  /** Whatever one of n devices says, it moves what all say by 2 / n at most. */
  @Test
  void isMovedByOneLiarByNoMoreThanItsWeight() throws MalformedDocumentException {
    List<CorrelationChange.Device> honest = new ArrayList<>();
    for (int i = 0; i < 19; i++) {
      honest.add(new CorrelationChange.Device(moments(.8, 300), moments(.8, 200)));
    }
    List<CorrelationChange.Device> all = new ArrayList<>(honest);
    all.add(new CorrelationChange.Device(lie(1), lie(-1)));

    CorrelationChange without = pair(CorrelationChange.of(honest));
    CorrelationChange with = pair(CorrelationChange.of(all));

    assertThat(with.devices()).isEqualTo(20);
    assertThat(with.change().value()).isCloseTo(without.change().value(), within(2.0 / 20 + 1e-3));
    assertThat(with.before()).isCloseTo(without.before(), within(1.0 / 20));
    assertThat(with.change().isBeyondZero()).isFalse();
    assertThat(with.predictionsBefore()).isPositive();
  }

  private static CorrelationChange pair(List<CorrelationChange> changes) {
    return changes.stream()
        .filter(one -> one.one() == 0 && one.other() == 1)
        .findFirst()
        .orElseThrow();
  }

  private static CoMoments lie(double correlation) throws MalformedDocumentException {
    return CoMoments.fromWire(
        io.skerry.wire.fleet.v1.CoMoments.newBuilder()
            .addAllFeatures(List.of(0, 1, 2))
            .setCount(WindowCodec.PREDICTIONS_MAX)
            .addAllMean(List.of(0.0, 0.0, 0.0))
            .addAllProducts(List.of(1e300, correlation * 1e300, 0.0, 1e300, 0.0, 1e300))
            .build(),
        3);
  }
}
