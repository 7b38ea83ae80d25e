package io.skerry.bench.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PlantedClassesTest {
  @ParameterizedTest
  @MethodSource("faults")
  void theCodeStillHasWhatTheFaultChanges(PlantedFault fault) throws Exception {
    try (PlantedClasses classes = new PlantedClasses(fault)) {
      assertThat(classes.loadClass(fault.type()).getClassLoader()).isSameAs(classes);
    }
  }

  static Stream<PlantedFault> faults() {
    return PlantedFault.ALL.stream();
  }

  @Test
  void nothingToChangeIsNoFault() {
    PlantedFault stale =
        new PlantedFault(
            "stale",
            "its method is gone",
            "io.skerry.fleet.gate.SequentialGate",
            Mutation.answers("goneSinceLong", 0),
            "steady");

    assertThatThrownBy(() -> close(stale))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("nothing to change");
  }

  private static void close(PlantedFault fault) throws IOException {
    new PlantedClasses(fault).close();
  }
}
