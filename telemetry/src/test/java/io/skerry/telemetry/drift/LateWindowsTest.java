package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Windows that come after their time was judged have a say, and one only. */
class LateWindowsTest {
  private static final int WINDOWS = 60;
  private static final int SHIFTED_FROM = 12;

  /** A site's link is down most of the time: all that it tells of the shift comes late. */
  @Test
  void findsWhatOnlyLateWindowsTellOf() {
    FleetReplay fleet = fleet(1);
    DriftLedger ledger = ledger(fleet);
    List<DriftFinding> findings = new ArrayList<>();
    List<LateWindow> waiting = new ArrayList<>();
    for (long window = 0; window < WINDOWS; window++) {
      List<DeviceWindow> told =
          new ArrayList<>(fleet.window(window < SHIFTED_FROM ? "none" : "b", 3, 3));
      long now = window;
      if (window >= SHIFTED_FROM) {
        told.stream()
            .filter(LateWindowsTest::isOfB)
            .forEach(one -> waiting.add(new LateWindow(now, one)));
        told.removeIf(LateWindowsTest::isOfB);
      }
      List<LateWindow> late = waiting.stream().filter(one -> one.window() == now - 3).toList();

      ledger.judge(window, told, late).found().ifPresent(findings::add);
    }

    assertThat(findings)
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.cohort()).isEqualTo(new Cohort("site", "b"));
              assertThat(finding.feature()).isEqualTo(FleetReplay.feature(3));
              assertThat(finding.window()).isLessThan(SHIFTED_FROM + 3 + 8L);
            });
  }

  /** A backlog is one witness, however long it is. */
  @Test
  void countsADeviceOnceHoweverMuchComesLate() {
    FleetReplay fleet = fleet(1);
    DriftLedger ledger = ledger(fleet);
    List<LateWindow> backlog = new ArrayList<>();
    for (long window = 0; window < 20; window++) {
      List<DeviceWindow> told = new ArrayList<>(fleet.window("none", 3, 0));
      if (window >= 8) {
        backlog.add(new LateWindow(window, told.remove(7)));
      }
      ledger.judge(window, told);
    }
    List<DeviceWindow> told = new ArrayList<>(fleet.window("none", 3, 0));
    DeviceWindow back = told.remove(7);

    assertThat(ledger.judge(20, told, backlog).judged()).isEqualTo(51);
    told.add(back);
    assertThat(ledger.judge(21, told, backlog).judged()).isEqualTo(51);
  }

  /** A device that came too late for all of its first windows has learned from them. */
  @Test
  void learnsFromWhatComesLate() {
    FleetReplay fleet = fleet(1);
    DriftLedger ledger = ledger(fleet);
    List<LateWindow> backlog = new ArrayList<>();
    for (long window = 0; window < 10; window++) {
      List<DeviceWindow> told = new ArrayList<>(fleet.window("none", 3, 0));
      backlog.add(new LateWindow(window, told.remove(7)));
      ledger.judge(window, told);
    }

    WindowVerdict verdict = ledger.judge(10, fleet.window("none", 3, 0), backlog);

    assertThat(verdict.learning()).isZero();
    assertThat(verdict.judged()).isEqualTo(51);
  }

  @Test
  void leavesOutWhatIsTooOldOrOfNoWindowThatWasJudged() {
    FleetReplay fleet = fleet(1);
    FleetReplay twin = fleet(1);
    DriftLedger ledger = ledger(fleet);
    DriftLedger without = ledger(twin);
    List<LateWindow> late = new ArrayList<>();
    for (long window = 0; window < DriftLedger.LATE_WINDOWS + 4L; window++) {
      List<DeviceWindow> told = fleet.window("none", 3, 0);
      if (window == 2) {
        late.add(new LateWindow(window, told.getFirst()));
        late.add(new LateWindow(-5, told.getFirst()));
        late.add(new LateWindow(1000, told.getFirst()));
      }
      boolean last = window == DriftLedger.LATE_WINDOWS + 3L;

      assertThat(ledger.judge(window, told, last ? late : List.of()))
          .isEqualTo(without.judge(window, twin.window("none", 3, 0)));
    }
  }

  /** In whatever order they come, and a third of all do. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void opensNothingOnAHealthyFleetThatIsOftenLate(long seed) {
    FleetReplay fleet = fleet(seed);
    DriftLedger ledger = ledger(fleet);
    DriftLedger other = ledger(fleet);
    Random random = new Random(seed);
    List<LateWindow> waiting = new ArrayList<>();
    for (long window = 0; window < WINDOWS; window++) {
      List<DeviceWindow> told = new ArrayList<>();
      List<LateWindow> late = new ArrayList<>(waiting);
      waiting.clear();
      for (DeviceWindow one : fleet.window("none", 3, 0)) {
        if (random.nextInt(3) == 0) {
          waiting.add(new LateWindow(window, one));
        } else {
          told.add(one);
        }
      }

      WindowVerdict verdict = ledger.judge(window, told, late);

      assertThat(verdict.found()).isEmpty();
      Collections.shuffle(late, random);
      assertThat(other.judge(window, told, late)).isEqualTo(verdict);
    }
  }

  private static boolean isOfB(DeviceWindow one) {
    return "b".equals(one.attributes().get("site"));
  }

  private static FleetReplay fleet(long seed) {
    return new FleetReplay(
        Machines.generated(100, 1000 + seed), Machines.generated(51, 2000 + seed), seed);
  }

  private static DriftLedger ledger(FleetReplay fleet) {
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    return ledger;
  }
}
