package io.skerry.simulator.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.machine.Machine;
import io.skerry.simulator.machine.MachineData;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MachineFeedTest {
  private static final int CYCLES = 60;

  @Test
  void holdsTheNewestCyclesPerSensorOldestFirst() {
    MachineFeed feed = new MachineFeed(machine(10), 2, 40);

    feed.tick();

    assertThat(feed.ready()).isTrue();
    assertThat(feed.window()[0]).isEqualTo(11);
    assertThat(feed.window()[MachineData.WINDOW - 1]).isEqualTo(40);
    assertThat(feed.window()[MachineData.WINDOW]).isEqualTo(-11);
    assertThat(feed.window()[2 * MachineData.WINDOW - 1]).isEqualTo(-40);
  }

  @Test
  void startsAgainWithAnEmptyWindowWhenTheMachineHasRunOut() {
    MachineFeed feed = new MachineFeed(machine(10), 2, CYCLES - 1);
    feed.tick();
    assertThat(feed.failing()).isTrue();

    feed.tick();

    assertThat(feed.ready()).isFalse();
    assertThat(feed.failing()).isFalse();
    for (int i = 1; i < MachineData.WINDOW; i++) {
      feed.tick();
    }
    assertThat(feed.ready()).isTrue();
    assertThat(feed.window()[0]).isEqualTo(0);
  }

  @Test
  void fillsTheWindowFromTheStartOfALife() {
    MachineFeed feed = new MachineFeed(machine(10), 2, 0);

    for (int i = 0; i < MachineData.WINDOW - 1; i++) {
      feed.tick();
      assertThat(feed.ready()).isFalse();
    }
    feed.tick();

    assertThat(feed.ready()).isTrue();
  }

  @Test
  void shiftsOnlyLaterValuesOfThatSensor() {
    MachineFeed feed = new MachineFeed(machine(10), 2, 40);
    feed.tick();

    feed.shift(1, 1000);
    feed.tick();

    assertThat(feed.window()[MachineData.WINDOW - 1]).isEqualTo(41);
    assertThat(feed.window()[2 * MachineData.WINDOW - 2]).isEqualTo(-40);
    assertThat(feed.window()[2 * MachineData.WINDOW - 1]).isEqualTo(1000 - 41);
  }

  /** Sensor 0 has the cycle's number, sensor 1 its negative. */
  private static Machine machine(int remainingAtEnd) {
    List<float[]> cycles = new ArrayList<>();
    for (int c = 0; c < CYCLES; c++) {
      cycles.add(new float[] {c, -c});
    }
    return new Machine("m", cycles, remainingAtEnd);
  }
}
