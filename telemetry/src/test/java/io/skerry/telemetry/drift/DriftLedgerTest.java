package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DriftLedgerTest {
  private static final int WINDOWS = 60;
  private static final int SHIFTED_FROM = 12;

  // Tests run in their module's folder.
  private static final Path CMAPSS = Path.of("..", "..", "shared", "data", "cmapss");

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void opensNothingOnAHealthyGeneratedFleet(long seed) {
    assertThat(nullFindings(generated(seed))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void namesSiteAndSensorOfAShiftInAGeneratedFleet(long seed) {
    assertThatShiftIsFound(generated(seed), "b", (int) (seed % Machines.SENSORS), 3);
  }

  @Test
  void opensOneIncidentWhenAllValuesOfASensorAreMissingAtOneOfThreeSites() {
    FleetReplay fleet = generated(1);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    List<DriftFinding> findings = new ArrayList<>();

    for (long window = 0; window < WINDOWS; window++) {
      String site = window < SHIFTED_FROM ? "none" : "b";
      ledger.judge(window, fleet.window(site, 3, Double.NaN)).found().ifPresent(findings::add);
    }

    assertThat(findings)
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.cohort()).isEqualTo(new Cohort("site", "b"));
              assertThat(finding.nature()).isEqualTo(DriftFinding.Nature.QUALITY);
            });
  }

  @ParameterizedTest
  @ValueSource(doubles = {1.5, 5, 40, Double.NaN})
  void endsAnIncidentWhenItsCauseIsGoneAndNotBefore(double sigmas) {
    FleetReplay fleet = generated(1);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    long gone = 4 * SHIFTED_FROM;
    List<Long> ended = new ArrayList<>();

    for (long window = 0; window < gone + 2 * DriftLedger.QUIET_WINDOWS; window++) {
      String site = window < SHIFTED_FROM || window >= gone ? "none" : "b";
      WindowVerdict verdict = ledger.judge(window, fleet.window(site, 3, sigmas));
      if (!verdict.ended().isEmpty()) {
        ended.add(window);
        verdict.ended().forEach(cohort -> ledger.release(cohort, false));
      }
    }

    assertThat(ended).containsExactly(gone + DriftLedger.QUIET_WINDOWS - 1);
  }

  @Test
  void carriesBaselinesOverToAVersionWithOtherBins() {
    FleetReplay fleet = generated(1);
    List<double[][]> training = new ArrayList<>(Machines.generated(100, 1001));
    training.addAll(fleet.shifted(Machines.generated(40, 1001), 3, 2.5));
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    List<DriftFinding> findings = new ArrayList<>();

    for (long window = 0; window < WINDOWS; window++) {
      if (window == SHIFTED_FROM) {
        fleet.switchTo(training);
        ledger.register(FleetReplay.V2, fleet.streams());
      }
      boolean shifted = window >= 2 * SHIFTED_FROM;
      WindowVerdict verdict = ledger.judge(window, fleet.window(shifted ? "c" : "none", 3, 2.5));
      if (window >= SHIFTED_FROM) {
        assertThat(verdict.judged()).as("window %d", window).isGreaterThan(25);
      }
      verdict.found().ifPresent(findings::add);
    }

    assertThat(findings)
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.cohort()).isEqualTo(new Cohort("site", "c"));
              assertThat(finding.feature()).isEqualTo(FleetReplay.feature(3));
              assertThat(finding.window()).isBetween(24L, 29L);
            });
  }

  @Test
  @Tag("slow")
  void opensNothingOnHealthyEngines() throws IOException {
    for (long seed = 1; seed <= 8; seed++) {
      assertThat(nullFindings(cmapss(seed))).as("seed %d", seed).isEmpty();
    }
  }

  @Test
  @Tag("slow")
  void namesSiteAndSensorOfAShiftAmongEngines() throws IOException {
    for (long seed = 1; seed <= 7; seed++) {
      assertThatShiftIsFound(cmapss(seed), "b", (int) (2 * seed % Machines.SENSORS), 2.5);
    }
  }

  private static FleetReplay generated(long seed) {
    return new FleetReplay(
        Machines.generated(100, 1000 + seed), Machines.generated(51, 2000 + seed), seed);
  }

  private static FleetReplay cmapss(long seed) throws IOException {
    Path train = CMAPSS.resolve("train_FD001.txt");
    assumeTrue(Files.exists(train), "no C-MAPSS data at ../shared/data/cmapss");
    return new FleetReplay(
        Machines.cmapss(train), Machines.cmapss(CMAPSS.resolve("test_FD001.txt")), seed);
  }

  private static List<DriftFinding> nullFindings(FleetReplay fleet) {
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    List<DriftFinding> findings = new ArrayList<>();
    for (long window = 0; window < WINDOWS; window++) {
      ledger.judge(window, fleet.window("none", 0, 0)).found().ifPresent(findings::add);
    }
    return findings;
  }

  private static void assertThatShiftIsFound(
      FleetReplay fleet, String site, int sensor, double sigmas) {
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(FleetReplay.V1, fleet.streams());
    List<DriftFinding> findings = new ArrayList<>();
    for (long window = 0; window < WINDOWS; window++) {
      boolean shifted = window >= SHIFTED_FROM;
      ledger
          .judge(window, fleet.window(shifted ? site : "none", sensor, sigmas))
          .found()
          .ifPresent(findings::add);
    }

    assertThat(findings).hasSize(1);
    DriftFinding finding = findings.getFirst();
    assertThat(finding.cohort()).isEqualTo(new Cohort("site", site));
    assertThat(finding.feature()).isEqualTo(FleetReplay.feature(sensor));
    assertThat(finding.window()).isBetween((long) SHIFTED_FROM, (long) SHIFTED_FROM + 5);
    assertThat(finding.onsetWindow()).isBetween((long) SHIFTED_FROM - 1, finding.window());
    assertThat(Math.abs(finding.shiftSigma())).isGreaterThan(.5);
    assertThat(finding.psi()).isGreaterThan(.1);
  }
}
