package io.skerry.control.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.DeviceId;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeviceSplitTest {
  @ParameterizedTest(name = "{0} devices")
  @CsvSource({"1,1,0,0", "2,1,0,1", "3,1,1,1", "4,2,1,1", "10,6,2,2", "20,14,3,3", "100,70,15,15"})
  void givesEverySplitItsShare(int devices, int train, int validation, int test) {
    Map<Split, Integer> counts =
        counts(DeviceSplit.USUAL.assign(List.of(devices(devices)), Map.of()));

    assertThat(counts)
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(Split.TRAIN, train, Split.VALIDATION, validation, Split.TEST, test));
  }

  @Test
  void doesNotDependOnTheOrderOfDevices() {
    List<DeviceId> devices = devices(40);
    List<DeviceId> shuffled = new java.util.ArrayList<>(devices);
    Collections.shuffle(shuffled, new Random(7));

    assertThat(DeviceSplit.USUAL.assign(List.of(shuffled), Map.of()))
        .isEqualTo(DeviceSplit.USUAL.assign(List.of(devices), Map.of()));
  }

  @Test
  void splitsEachStratumByItself() {
    List<DeviceId> all = devices(30);
    List<DeviceId> positive = all.subList(0, 6);
    Map<DeviceId, Split> splits =
        DeviceSplit.USUAL.assign(List.of(positive, all.subList(6, 30)), Map.of());

    assertThat(positive.stream().map(splits::get))
        .contains(Split.TRAIN, Split.VALIDATION, Split.TEST);
  }

  @Test
  void keepsTheSplitThatADeviceHad() {
    List<DeviceId> devices = devices(20);
    Map<DeviceId, Split> kept = Map.of(devices.get(3), Split.TEST, devices.get(4), Split.TRAIN);

    Map<DeviceId, Split> splits = DeviceSplit.USUAL.assign(List.of(devices), kept);

    assertThat(splits).containsAllEntriesOf(kept).hasSize(20);
  }

  @Test
  void refusesSharesThatLeaveNothingToTrainOn() {
    assertThatThrownBy(() -> new DeviceSplit(0.5, 0.5))
        .hasMessage("split shares 0.5 and 0.5 leave nothing to train on");
  }

  static List<DeviceId> devices(int count) {
    return IntStream.range(0, count).mapToObj(i -> new DeviceId("engine-" + i)).toList();
  }

  private static Map<Split, Integer> counts(Map<DeviceId, Split> splits) {
    Map<Split, Integer> counts = new EnumMap<>(Split.class);
    for (Split split : Split.values()) {
      counts.put(split, Collections.frequency(splits.values(), split));
    }
    return counts;
  }
}
