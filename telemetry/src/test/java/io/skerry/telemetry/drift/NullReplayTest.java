package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NullReplayTest {
  private static final int WINDOWS = 40;

  /** What is special about a site is dealt among all: nothing is left for it to be blamed for. */
  @Test
  void opensNoMoreIncidentsThanPromisedAndTheSameForTheSameSeed() {
    FleetReplay fleet =
        new FleetReplay(Machines.generated(60, 1001), Machines.generated(51, 2001), 1);
    List<List<DeviceWindow>> history = new ArrayList<>();
    Map<String, Map<String, String>> attributes = new HashMap<>();
    for (int window = 0; window < WINDOWS; window++) {
      List<DeviceWindow> devices = fleet.window("b", 3, .2);
      devices.forEach(one -> attributes.put(one.device().value(), one.attributes()));
      history.add(devices);
    }

    NullReplay.Result first = replayed(fleet, history, attributes);
    NullReplay.Result second = replayed(fleet, history, attributes);

    assertThat(first).isEqualTo(second);
    assertThat(first.windows())
        .isEqualTo(2L * (WINDOWS - DriftSettings.DEFAULTS.learningWindows()));
    assertThat(first.promised()).isEqualTo(first.windows() / 1000.0);
    assertThat(first.isKept()).isTrue();
  }

  private static NullReplay.Result replayed(
      FleetReplay fleet,
      List<List<DeviceWindow>> history,
      Map<String, Map<String, String>> attributes) {
    NullReplay replay = new NullReplay(DriftSettings.DEFAULTS, attributes, 2, 5);
    replay.register(FleetReplay.V1, fleet.streams());
    for (int window = 0; window < history.size(); window++) {
      replay.judge(window, history.get(window));
    }
    return replay.result();
  }

  /** Quantiles of Poisson's distribution. */
  @ParameterizedTest
  @CsvSource({"0.001,0", "0.05,1", "0.3,2", "1,4", "5,11"})
  void allowsWhatChanceMayBring(double promised, int allowed) {
    assertThat(new NullReplay.Result(1, allowed, promised).allowed()).isEqualTo(allowed);
    assertThat(new NullReplay.Result(1, allowed, promised).isKept()).isTrue();
    assertThat(new NullReplay.Result(1, allowed + 1, promised).isKept()).isFalse();
  }
}
