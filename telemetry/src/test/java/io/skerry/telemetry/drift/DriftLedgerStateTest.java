package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.DeviceId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A ledger that goes on from what another wrote says the same, to the last bit. */
class DriftLedgerStateTest {
  private static final DriftSettings SEASON = DriftSettings.DEFAULTS.withSeason(4);

  @ParameterizedTest
  @CsvSource({
    // Cut while learning, before and after the shift, explained, ended, after the second version.
    "false, 2", "false, 7", "false, 13", "false, 20", "false, 33", "false, 47",
    "true, 3", "true, 9", "true, 15", "true, 34", "true, 42", "true, 55"
  })
  void saysTheSameFromWhereverItGoesOn(boolean season, int cut) {
    DriftSettings settings = season ? SEASON : DriftSettings.DEFAULTS;
    List<DriftLedger> taken = new ArrayList<>();

    List<WindowVerdict> whole = play(settings, -1, taken);
    List<WindowVerdict> goneOn = play(settings, cut, taken);

    assertThat(whole).anyMatch(verdict -> verdict.found().isPresent());
    assertThat(goneOn).isEqualTo(whole);
    assertThat(state(taken.get(1))).isDeepEqualTo(state(taken.get(0)));
  }

  // Sixty windows; a sensor of a site is off for some of them, then all run a second version.
  private static List<WindowVerdict> play(
      DriftSettings settings, int cut, List<DriftLedger> taken) {
    FleetReplay fleet =
        new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
    DriftLedger ledger = new DriftLedger(settings);
    ledger.register(FleetReplay.V1, fleet.streams());
    MonitoredStreams first = fleet.streams();
    List<WindowVerdict> verdicts = new ArrayList<>();
    List<LateWindow> waiting = new ArrayList<>();
    for (long window = 0; window < 60; window++) {
      if (window == 44) {
        fleet.switchTo(Machines.generated(40, 1001));
        ledger.register(FleetReplay.V2, fleet.streams());
      }
      boolean off = window >= 16 && window < 30;
      // What some devices tell comes two windows late, or never.
      List<DeviceWindow> told = new ArrayList<>(fleet.window(off ? "b" : "none", 3, 3));
      long now = window;
      List<LateWindow> late = waiting.stream().filter(one -> one.window() == now - 2).toList();
      waiting.add(new LateWindow(window, told.remove((int) (window % 50))));
      WindowVerdict verdict = ledger.judge(window, told, late);
      verdicts.add(verdict);
      for (Cohort cohort : verdict.ended()) {
        ledger.release(cohort, window % 2 == 0);
      }
      if (window == cut) {
        byte[][] parts = state(ledger);
        ledger = new DriftLedger(settings);
        ledger.register(FleetReplay.V1, first);
        if (window >= 44) {
          ledger.register(FleetReplay.V2, fleet.streams());
        }
        ledger.read(Arrays.asList(parts).iterator());
        assertThat(state(ledger)).isDeepEqualTo(parts);
      }
    }
    taken.add(ledger);
    return verdicts;
  }

  private static byte[][] state(DriftLedger ledger) {
    List<byte[]> parts = new ArrayList<>();
    ledger.write(parts::add);
    return parts.toArray(byte[][]::new);
  }

  @Test
  void refusesWhatIsDamagedOrAnothers() {
    FleetReplay fleet =
        new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    assertThatThrownBy(() -> ledger.write(part -> {})).isInstanceOf(IllegalStateException.class);
    ledger.register(FleetReplay.V1, fleet.streams());
    ledger.judge(0, fleet.window("none", 3, 0));
    byte[][] parts = state(ledger);
    byte[] first = parts[0];
    byte[] flipped = first.clone();
    flipped[flipped.length / 2] ^= 1;
    byte[] other = first.clone();
    other[3]++;

    refuses(DriftSettings.DEFAULTS, "damaged", flipped, parts[1]);
    refuses(DriftSettings.DEFAULTS, "format 8, not 1 to 7", other, parts[1]);
    refuses(DriftSettings.DEFAULTS, "too early", Arrays.copyOf(first, first.length - 4), parts[1]);
    refuses(DriftSettings.DEFAULTS, "too early", first);
    refuses(SEASON, "settings", first, parts[1]);
    assertThatThrownBy(() -> ledger.read(Arrays.asList(parts).iterator()))
        .isInstanceOf(IllegalStateException.class);
  }

  private static void refuses(DriftSettings settings, String why, byte[]... parts) {
    FleetReplay fleet =
        new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
    DriftLedger fresh = new DriftLedger(settings);
    fresh.register(FleetReplay.V1, fleet.streams());

    assertThatThrownBy(() -> fresh.read(Arrays.asList(parts).iterator()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why);
  }

  /** A label may have another value on every device: that makes no cohort, and costs little. */
  @Test
  void keepsNothingToJudgeByOfLabelsThatFewDevicesShare() {
    int[] bytes = new int[2];
    List<List<StreamVerdict>> verdicts = new ArrayList<>();
    for (int labelled = 0; labelled < 2; labelled++) {
      FleetReplay fleet =
          new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
      DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
      ledger.register(FleetReplay.V1, fleet.streams());
      WindowVerdict last = ledger.judge(0, List.of());
      for (long window = 1; window < 12; window++) {
        List<DeviceWindow> told = new ArrayList<>();
        for (DeviceWindow one : fleet.window("b", 3, 3)) {
          Map<String, String> attributes = new HashMap<>(one.attributes());
          if (labelled == 1) {
            attributes.put("serial", one.device().value());
          }
          told.add(new DeviceWindow(one.device(), attributes, one.version(), one.counts()));
        }
        last = ledger.judge(window, told);
      }
      verdicts.add(last.streams());
      bytes[labelled] = Arrays.stream(state(ledger)).mapToInt(part -> part.length).sum();
    }

    assertThat(verdicts.get(1)).isEqualTo(verdicts.get(0)).isNotEmpty();
    // The counts that each learned from, of 14 sensors and six more streams.
    assertThat(bytes[1] - bytes[0]).isLessThan(51 * 8_000);
  }

  /** Nor do thousands of such values, and one that many devices share is learned all the same. */
  @Test
  void boundsWhatIsLearnedOfALabelThatTellsDevicesApart() {
    int[] bytes = new int[2];
    List<List<StreamDistance>> distances = new ArrayList<>();
    for (int labelled = 0; labelled < 2; labelled++) {
      FleetReplay fleet =
          new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
      DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
      ledger.register(FleetReplay.V1, fleet.streams());
      WindowVerdict last = ledger.judge(0, List.of());
      for (long window = 1; window < 12; window++) {
        List<DeviceWindow> told = new ArrayList<>();
        List<DeviceWindow> seen = fleet.window("b", 3, 3);
        for (int copy = 0; copy < 14; copy++) {
          for (DeviceWindow one : seen) {
            DeviceId device = new DeviceId("%02d-%s".formatted(copy, one.device()));
            Map<String, String> attributes = new HashMap<>(one.attributes());
            if (labelled == 1) {
              attributes.put("serial", copy < 13 ? device.value() : "worn-off");
            }
            told.add(new DeviceWindow(device, attributes, one.version(), one.counts()));
          }
        }
        last = ledger.judgeAndMeasure(window, told, List.of());
      }
      distances.add(last.distances());
      bytes[labelled] = Arrays.stream(state(ledger)).mapToInt(part -> part.length).sum();
    }

    assertThat(distances.get(1)).containsAll(distances.get(0));
    assertThat(distances.get(1)).anyMatch(one -> one.cohort().toString().equals("serial=worn-off"));
    assertThat(bytes[1] - bytes[0]).isLessThan(260 * 8_000);
  }

  @Test
  void forgetsDevices() {
    FleetReplay fleet =
        new FleetReplay(Machines.generated(100, 1001), Machines.generated(51, 2001), 1);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    for (long window = 0; window < 6; window++) {
      ledger.judge(window, fleet.window("none", 3, 0));
    }
    int before = Arrays.stream(state(ledger)).mapToInt(part -> part.length).sum();

    ledger.retain(device -> !device.value().equals("device-07"));

    assertThat(Arrays.stream(state(ledger)).mapToInt(part -> part.length).sum()).isLessThan(before);
    WindowVerdict verdict = ledger.judge(6, fleet.window("none", 3, 0));
    assertThat(verdict.learning()).isEqualTo(1);
    assertThat(verdict.judged()).isEqualTo(50);
  }
}
