package io.skerry.simulator.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.simulator.machine.GeneratedMachines;
import io.skerry.simulator.machine.MachineData;
import org.junit.jupiter.api.Test;

class SensorShiftTest {
  private static final MachineData DATA = GeneratedMachines.create(1);
  private static final int WATCHED = 5;

  @Test
  void shiftsTheOnlySensorThatTheModelLooksAt() {
    double healthy = DATA.training().getFirst().cycles().getFirst()[WATCHED];

    SensorShift shift =
        SensorShift.worstFor(
            window -> {
              double newest = window[WATCHED * MachineData.WINDOW + MachineData.WINDOW - 1];
              return Math.abs(newest - healthy);
            },
            DATA);

    assertThat(shift.sensor()).isEqualTo(WATCHED);
    assertThat(shift.name()).isEqualTo(DATA.sensors().get(WATCHED));
    assertThat(shift.amount()).isNotZero();
  }

  @Test
  void findsNoShiftThatHurtsAModelThatLooksAtNothing() {
    SensorShift shift = SensorShift.worstFor(window -> 0.5, DATA);

    assertThat(shift.rocAuc()).isCloseTo(0.5, within(1e-9));
  }
}
