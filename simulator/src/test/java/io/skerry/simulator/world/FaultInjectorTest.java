package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FaultInjectorTest {
  private final World world = new World(1, new Trace(0));
  private final Fleet fleet = new Fleet(world, Settings.light(3));
  private final FaultInjector injector = new FaultInjector(fleet);

  private void plan(long at, Fault.Kind kind, int device, long lasts) {
    injector.plan(new Fault(at, kind, device, lasts, at));
  }

  private void runUntil(long millis) {
    world.runUntil(World.BEGIN + millis);
  }

  private boolean isLineUp() {
    return fleet.device(0).network().isUp();
  }

  @Test
  void aLineIsBackWithTheLastOfTheFaultsThatCutIt() {
    plan(1_000, Fault.Kind.LINK_DOWN, 0, 10_000);
    plan(5_000, Fault.Kind.LINK_DOWN, 0, 20_000);

    runUntil(12_000);
    assertThat(isLineUp()).as("the first has ended").isFalse();
    runUntil(26_000);
    assertThat(isLineUp()).isTrue();
  }

  @Test
  void theOlderOneGoesOnWhereTheNewerOneEndsBeforeIt() {
    plan(1_000, Fault.Kind.SLOW_HARDWARE, 0, 20_000);
    runUntil(2_000);
    double slow = fleet.device(0).slowness();
    plan(5_000, Fault.Kind.HARDWARE_CRAWLS, 0, 3_000);

    runUntil(6_000);
    assertThat(fleet.device(0).slowness()).isNotEqualTo(slow);
    runUntil(9_000);
    assertThat(fleet.device(0).slowness()).isEqualTo(slow).isGreaterThan(1);
    runUntil(22_000);
    assertThat(fleet.device(0).slowness()).isEqualTo(1);
  }

  @Test
  void devicesAndThingsAreKeptApart() {
    plan(1_000, Fault.Kind.LINK_DOWN, 0, 20_000);
    plan(1_000, Fault.Kind.LINK_DOWN, 1, 5_000);
    plan(1_000, Fault.Kind.SLOW_HARDWARE, 0, 5_000);

    runUntil(7_000);

    assertThat(isLineUp()).isFalse();
    assertThat(fleet.device(1).network().isUp()).isTrue();
    assertThat(fleet.device(0).slowness()).isEqualTo(1);
  }

  @Test
  void aBrokerThatDiesTwiceComesBackOnce() {
    plan(1_000, Fault.Kind.BROKER_KILLED, -1, 4_000);
    plan(2_000, Fault.Kind.BROKER_KILLED, -1, 1_000);

    runUntil(4_000);
    assertThat(fleet.broker().isUp()).as("the second has ended").isFalse();
    runUntil(6_000);
    assertThat(fleet.broker().isUp()).isTrue();
  }

  @Test
  void nothingEndsThatWasHealed() {
    plan(1_000, Fault.Kind.LINK_DOWN, 0, 10_000);
    runUntil(2_000);
    injector.heal();
    fleet.device(0).link(false);

    runUntil(20_000);

    assertThat(isLineUp()).isFalse();
  }
}
