package io.skerry.simulator.machine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class GeneratedMachinesTest {
  @Test
  void givesTheSameMachinesForTheSameSeed() {
    MachineData first = GeneratedMachines.create(7);
    MachineData second = GeneratedMachines.create(7);

    assertThat(first.live()).hasSameSizeAs(second.live());
    assertThat(first.live().getFirst().cycles().getLast())
        .isEqualTo(second.live().getFirst().cycles().getLast());
    assertThat(GeneratedMachines.create(8).training().getFirst().cycles().getFirst())
        .isNotEqualTo(first.training().getFirst().cycles().getFirst());
  }

  @Test
  void seesBothOutcomesInTheLiveFleet() {
    MachineData data = GeneratedMachines.create(1);

    long endFailing =
        data.live().stream().filter(m -> MachineData.failing(m.remainingAtEnd())).count();

    assertThat(endFailing).isBetween(5L, (long) data.live().size() - 20);
    assertThat(data.live()).allSatisfy(m -> assertThat(m.cycles()).hasSizeGreaterThanOrEqualTo(60));
  }
}
