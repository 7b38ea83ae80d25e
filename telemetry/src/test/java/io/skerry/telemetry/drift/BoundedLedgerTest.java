package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.DeviceId;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/** What a ledger keeps does not grow with what the fleet was once. */
class BoundedLedgerTest {
  private static final int LEARNED_MAX = 256;
  private static final int SENSOR = 3;

  /** Of so many values not all are learned: the peers are all others all the same. */
  @Test
  void setsACohortBesideAllOthersWhereALabelTellsDevicesApart() {
    DriftFinding apart = found(true);
    DriftFinding together = found(false);

    assertThat(together.cohort()).isEqualTo(new Cohort("lot", "worn"));
    assertThat(together.shiftSigma()).isBetween(1.5, 2.5);
    assertThat(apart.cohort()).isEqualTo(together.cohort());
    assertThat(apart.shiftSigma()).isCloseTo(together.shiftSigma(), within(1e-9));
  }

  // Of 714 devices 51 are of one lot, which moves; half of the others always stood elsewhere.
  private static DriftFinding found(boolean apart) {
    List<double[][]> lives = Machines.generated(51, 2001);
    FleetReplay low = new FleetReplay(Machines.generated(100, 1001), lives, 1);
    FleetReplay high =
        new FleetReplay(Machines.generated(100, 1001), low.shifted(lives, SENSOR, 1), 1);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, low.streams());
    for (long window = 0; window < 30; window++) {
      List<DeviceWindow> seen = low.window("none", SENSOR, 0);
      List<DeviceWindow> elsewhere = high.window("none", SENSOR, 0);
      List<DeviceWindow> told = new ArrayList<>();
      for (int copy = 0; copy < 14; copy++) {
        boolean worn = copy == 13;
        boolean moved = worn ? window >= 10 : copy >= 6;
        for (DeviceWindow one : moved ? elsewhere : seen) {
          String device = "%02d-%s".formatted(copy, one.device());
          told.add(
              labelled(one, device, "lot", worn ? "worn" : apart ? device : "other-" + copy % 4));
        }
      }
      WindowVerdict verdict = ledger.judge(window, told);
      if (verdict.found().isPresent()) {
        return verdict.found().get();
      }
    }
    throw new AssertionError("nothing was found");
  }

  /** A value that many devices shared is learned beyond the bound, until they are gone. */
  @Test
  void forgetsWhatValuesThatNoDeviceHasAnyMoreHadLearned() {
    // Some 8,000 bytes of each; how much devices vary takes a few more or less.
    assertThat(afterAllLeft(LEARNED_MAX + 40)).isCloseTo(afterAllLeft(LEARNED_MAX), within(1000));
  }

  private static int afterAllLeft(int values) {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);
    for (long window = 0; window < 6; window++) {
      List<DeviceWindow> seen = fleet.window("none", SENSOR, 0);
      List<DeviceWindow> told = new ArrayList<>(seen);
      for (int value = 0; value < values && window < 4; value++) {
        for (int i = 0; i < DriftSettings.DEFAULTS.cohortMin(); i++) {
          String name = "v%03d".formatted(value);
          told.add(labelled(seen.get(i), "%s-%d".formatted(name, i), "lot", name));
        }
      }
      ledger.judge(window, told);
      if (window == 3) {
        ledger.retain(device -> device.value().startsWith("device"));
      }
    }
    return bytes(ledger);
  }

  /** Values without counts would leave no room for those that devices have now. */
  @Test
  void learnsOtherValuesWhereCountsOfAVersionAreForgotten() {
    assertThat(afterAnotherVersion(true)).isEqualTo(afterAnotherVersion(false));
  }

  private static int afterAnotherVersion(boolean apart) {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);
    for (long window = 0; window < 4; window++) {
      List<DeviceWindow> told = new ArrayList<>();
      List<DeviceWindow> seen = fleet.window("none", SENSOR, 0);
      for (int i = 0; i < LEARNED_MAX; i++) {
        String device = "old-%03d".formatted(i);
        told.add(labelled(seen.get(i % seen.size()), device, "lot", apart ? device : "l" + i % 4));
      }
      ledger.judge(window, told);
    }
    ledger.retain(device -> false);
    fleet.switchTo(Machines.generated(40, 1001));
    ledger.register(FleetReplay.V2, fleet.streams());
    for (long window = 4; window < 8; window++) {
      List<DeviceWindow> told = new ArrayList<>();
      for (DeviceWindow one : fleet.window("none", SENSOR, 0)) {
        told.add(labelled(one, one.device().value(), "lot", one.device().value()));
      }
      ledger.judge(window, told);
    }
    return bytes(ledger);
  }

  @Test
  void keepsNoStateOfCohortsThatNoDeviceIsInAnyMore() {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);
    int[] bytes = new int[100];
    for (int window = 0; window < bytes.length; window++) {
      List<DeviceWindow> told = new ArrayList<>();
      for (DeviceWindow one : fleet.window("none", SENSOR, 0)) {
        told.add(labelled(one, one.device().value(), "build", "%03d".formatted(window)));
      }
      ledger.judge(window, told);
      bytes[window] = bytes(ledger);
      ledger = again(ledger, fleet);
    }

    assertThat(bytes[99]).isEqualTo(bytes[69]);
  }

  /** All devices of a cohort that is explained are told apart otherwise from then on. */
  @Test
  void endsWhatWasFoundOfACohortThatNoDeviceIsInAnyMore() {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);
    long gone = Long.MAX_VALUE;
    for (long window = 0; window < 60; window++) {
      boolean has = window < gone;
      List<DeviceWindow> told = new ArrayList<>();
      for (DeviceWindow one : fleet.window(has && window >= 10 ? "b" : "none", SENSOR, 3)) {
        String site = one.attributes().getOrDefault("site", "");
        told.add(
            labelled(one, one.device().value(), "site", site.equals("b") && !has ? "c" : site));
      }
      WindowVerdict verdict = ledger.judge(window, told);
      if (verdict.found().isPresent()) {
        assertThat(verdict.found().get().cohort()).isEqualTo(new Cohort("site", "b"));
        gone = window + 1;
      }
      if (window == gone + DriftLedger.QUIET_WINDOWS - 1) {
        assertThat(verdict.ended()).containsExactly(new Cohort("site", "b"));
        ledger.release(new Cohort("site", "b"), false);
        return;
      }
      assertThat(verdict.ended()).isEmpty();
      ledger = again(ledger, fleet);
    }
    throw new AssertionError("nothing was found");
  }

  /** One that comes again in time goes on with its baseline. */
  @Test
  void forgetsADeviceThatWasNotHeardOfForLong() {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);
    for (long window = 0; window < 6; window++) {
      ledger.judge(window, fleet.window("none", SENSOR, 0));
    }
    List<DeviceWindow> without = new ArrayList<>(fleet.window("none", SENSOR, 0));
    without.remove(7);

    ledger.judge(5 + DriftLedger.AWAY_WINDOWS, without);
    int before = bytes(ledger);
    ledger = again(ledger, fleet);
    ledger.judge(6 + DriftLedger.AWAY_WINDOWS, without);
    assertThat(bytes(ledger)).isLessThan(before);

    WindowVerdict verdict =
        ledger.judge(7 + DriftLedger.AWAY_WINDOWS, fleet.window("none", SENSOR, 0));
    assertThat(verdict.learning()).isEqualTo(1);
    assertThat(verdict.judged()).isEqualTo(50);
  }

  @Test
  void keepsDevicesThatComeAgainAfterAllWereAway() {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);
    for (long window = 0; window < 6; window++) {
      ledger.judge(window, fleet.window("none", SENSOR, 0));
    }

    WindowVerdict verdict =
        ledger.judge(2 * DriftLedger.AWAY_WINDOWS, fleet.window("none", SENSOR, 0));

    assertThat(verdict.judged()).isEqualTo(51);
  }

  /** What an earlier build wrote does not tell when devices were heard: in its last window. */
  @Test
  void goesOnFromAStateThatTellsNotWhenDevicesWereHeard() throws IOException {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);

    ledger.read(written("ledger-state-2.gz").iterator());

    ledger = again(ledger, fleet);
    List<DeviceWindow> told = fleet.window("none", SENSOR, 0);
    assertThat(ledger.judge(104 + DriftLedger.AWAY_WINDOWS, told.subList(0, 2)).judged())
        .isEqualTo(2);
    assertThat(ledger.judge(105 + DriftLedger.AWAY_WINDOWS, told.subList(0, 1)).judged())
        .isEqualTo(1);
    assertThat(ledger.judge(106 + DriftLedger.AWAY_WINDOWS, told.subList(0, 3)).judged())
        .isEqualTo(2);
  }

  /** The next format does, and tells not what they learned under. One was heard last in 99. */
  @Test
  void goesOnFromAStateThatTellsNotWhatDevicesLearnedUnder() throws IOException {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);

    ledger.read(written("ledger-state-3.gz").iterator());

    ledger = again(ledger, fleet);
    int before = bytes(ledger);
    List<DeviceWindow> told = fleet.window("none", SENSOR, 0);
    ledger.judge(104, List.of());
    // What they learned is kept.
    assertThat(bytes(ledger)).isBetween(before, before + 1000);
    ledger.judge(100 + DriftLedger.AWAY_WINDOWS, List.of());
    WindowVerdict verdict = ledger.judge(101 + DriftLedger.AWAY_WINDOWS, told.subList(0, 2));
    assertThat(verdict.judged()).isEqualTo(1);
    assertThat(verdict.learning()).isEqualTo(1);
  }

  /** Nor does the next tell how much each device varies: they are as they are on average. */
  @Test
  void goesOnFromAStateThatPoolsHowMuchDevicesVary() throws IOException {
    FleetReplay fleet = fleet();
    DriftLedger ledger = ledger(fleet);

    ledger.read(written("ledger-state-4.gz").iterator());

    ledger = again(ledger, fleet);
    WindowVerdict verdict = ledger.judge(104, fleet.window("none", SENSOR, 0).subList(0, 2));
    assertThat(verdict.judged()).isEqualTo(2);
  }

  // What a ledger of an earlier build wrote of two devices.
  private static List<byte[]> written(String name) throws IOException {
    List<byte[]> parts = new ArrayList<>();
    try (DataInputStream from =
        new DataInputStream(
            new GZIPInputStream(
                Objects.requireNonNull(BoundedLedgerTest.class.getResourceAsStream(name))))) {
      for (int left = from.readInt(); left > 0; left--) {
        parts.add(from.readNBytes(from.readInt()));
      }
    }
    return parts;
  }

  private static DeviceWindow labelled(
      DeviceWindow one, String device, String label, String value) {
    Map<String, String> attributes = new HashMap<>(one.attributes());
    attributes.put(label, value);
    return new DeviceWindow(new DeviceId(device), attributes, one.version(), one.counts());
  }

  private static FleetReplay fleet() {
    return new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
  }

  private static DriftLedger ledger(FleetReplay fleet) {
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    return ledger;
  }

  // One that goes on from what it wrote, and would write the same.
  private static DriftLedger again(DriftLedger ledger, FleetReplay fleet) {
    List<byte[]> parts = parts(ledger);
    DriftLedger again = ledger(fleet);
    again.read(parts.iterator());
    assertThat(parts(again).toArray(byte[][]::new)).isDeepEqualTo(parts.toArray(byte[][]::new));
    return again;
  }

  private static List<byte[]> parts(DriftLedger ledger) {
    List<byte[]> parts = new ArrayList<>();
    ledger.write(parts::add);
    return parts;
  }

  private static int bytes(DriftLedger ledger) {
    return parts(ledger).stream().mapToInt(part -> part.length).sum();
  }
}
