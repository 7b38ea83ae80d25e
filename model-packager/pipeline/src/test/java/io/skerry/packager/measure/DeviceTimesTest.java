package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.artifact.DeviceTimings;
import io.skerry.protocol.Digest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DeviceTimesTest {
  private static final Digest REAL = Digest.of(new byte[] {1});
  private static final Digest INTEGER = Digest.of(new byte[] {2});
  private static final Digest MIXED = Digest.of(new byte[] {3});
  private static final Digest OTHER = Digest.of(new byte[] {4});

  @Test
  void areThoseOfTheOnlyDevice() {
    Map<Digest, Timing> times = times(report("cam-1", REAL, 100, INTEGER, 40));

    assertThat(times)
        .containsOnly(
            Map.entry(REAL, new Timing(100, 200, 3, 7, Timing.Source.DEVICE)),
            Map.entry(INTEGER, new Timing(40, 80, 3, 7, Timing.Source.DEVICE)));
  }

  /** One device that was busy just then decides nothing against two others. */
  @Test
  void areMediansOverAllDevicesThatTimedAFile() {
    DeviceTimings odd = report("cam-3", REAL, 100, INTEGER, 400);
    List<DeviceTimings> others =
        List.of(report("cam-1", REAL, 100, INTEGER, 40), report("cam-2", REAL, 1000, INTEGER, 420));
    for (int at = 0; at <= others.size(); at++) {
      List<DeviceTimings> reports = new ArrayList<>(others);
      reports.add(at, odd);

      Map<Digest, Timing> times = times(reports.toArray(DeviceTimings[]::new));

      assertThat(micros(times, INTEGER)).as("told at %d", at).isLessThan(micros(times, REAL));
    }
  }

  @Test
  void areMeansOfTheTwoInTheMiddle() {
    Map<Digest, Timing> times =
        times(report("cam-1", REAL, 100, INTEGER, 25), report("cam-2", REAL, 100, INTEGER, 100));

    // cam-1 takes half of cam-2's time: 200 and 50 at the latter's pace.
    assertThat(micros(times, REAL)).isCloseTo(150, within(1e-9));
    assertThat(micros(times, INTEGER)).isCloseTo(75, within(1e-9));
  }

  @Test
  void areNoFasterForADeviceThatIs() {
    Map<Digest, Timing> times =
        times(report("slow", REAL, 1000, INTEGER, 900), report("fast", REAL, 10));

    assertThat(micros(times, REAL)).isCloseTo(1000, within(1e-9));
    assertThat(micros(times, INTEGER)).isCloseTo(900, within(1e-9));
  }

  @Test
  void areOfFilesThatTheYardstickDidNotTimeToo() {
    Map<Digest, Timing> times =
        times(report("cam-1", REAL, 100, INTEGER, 50), report("cam-2", INTEGER, 500, MIXED, 700));

    assertThat(micros(times, REAL)).isCloseTo(100, within(1e-9));
    assertThat(micros(times, MIXED)).isCloseTo(70, within(1e-9));
  }

  @Test
  void areNotOfDevicesThatTimedNothingThatCompares() {
    assertThat(times(report("cam-1", INTEGER, 40), report("cam-2", REAL, 1)))
        .containsOnlyKeys(REAL);
    assertThat(times(report("cam-1", INTEGER, 40, OTHER, 10), report("cam-2", REAL, 1, OTHER, 1)))
        .containsOnlyKeys(REAL);
  }

  @Test
  void areOfTheProfileAndItsCandidatesAlone() {
    DeviceTimings elsewhere =
        new DeviceTimings("arm64-dotprod", "pi", report("pi", INTEGER, 1).timings());

    assertThat(times(elsewhere, report("cam-1", REAL, 100, OTHER, 1))).containsOnlyKeys(REAL);
    assertThat(times(elsewhere)).isEmpty();
  }

  @Test
  void areADevicesLast() {
    Map<Digest, Timing> times =
        times(report("cam-1", REAL, 100, INTEGER, 50), report("cam-1", INTEGER, 60));

    assertThat(micros(times, REAL)).isEqualTo(100);
    assertThat(micros(times, INTEGER)).isEqualTo(60);
  }

  @Test
  void takeTheMemoryThatFitsEveryDevice() {
    DeviceTimings.Timing large = new DeviceTimings.Timing(REAL, "tflite", 1, 1, 9, 1000, 5);

    assertThat(
            times(
                new DeviceTimings("arm64-neon", "cam-1", List.of(large)),
                report("cam-2", REAL, 100)))
        .hasEntrySatisfying(
            REAL,
            timing -> {
              assertThat(timing.peakMemoryBytes()).isEqualTo(1000);
              assertThat(timing.loadMillis()).isEqualTo(6);
            });
  }

  private static double micros(Map<Digest, Timing> times, Digest file) {
    return Objects.requireNonNull(times.get(file)).p50Micros();
  }

  private static Map<Digest, Timing> times(DeviceTimings... reports) {
    return DeviceTimes.of(
        List.of(reports), "arm64-neon", Set.of(REAL), Set.of(REAL, INTEGER, MIXED));
  }

  private static DeviceTimings report(String device, Object... told) {
    List<DeviceTimings.Timing> timings = new ArrayList<>();
    for (int i = 0; i < told.length; i += 2) {
      int micros = (Integer) told[i + 1];
      timings.add(
          new DeviceTimings.Timing((Digest) told[i], "tflite", micros, 2 * micros, 3, 7, 100));
    }
    return new DeviceTimings("arm64-neon", device, timings);
  }
}
