package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.MalformedDocumentException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Of a label with two values, each holds the others' peers: which of them moved? */
class TwoValuesTest {
  private static final int DEVICES = 100;
  private static final int SEASON = 4;
  private static final DriftSettings SETTINGS = DriftSettings.DEFAULTS.withSeason(SEASON);
  // Devices learn for two days, the fleet's level for a week more.
  private static final long LEVEL_LEARNED = (2 + FleetLevel.SEASONS) * SEASON;

  /** Before the fleet's level is known, the fewer are named: a rollout begins with few. */
  @ParameterizedTest
  @CsvSource({"1, 2, 10", "2, 1, 10", "1, 2, 30", "2, 1, 30"})
  void namesTheFewerWhileTheFleetsLevelIsNotKnown(String moved, String others, int percent)
      throws MalformedDocumentException {
    assertThat(named(DriftSettings.DEFAULTS, 10, moved, others, percent)).isEqualTo(moved);
    assertThat(named(SETTINGS, 3 * SEASON, moved, others, percent)).isEqualTo(moved);
  }

  @ParameterizedTest
  @CsvSource({"1, 2, 10", "2, 1, 10", "1, 2, 40", "2, 1, 60", "1, 2, 80", "2, 1, 80"})
  void namesThoseThatLeftTheFleetsCourse(String moved, String others, int percent)
      throws MalformedDocumentException {
    assertThat(named(SETTINGS, LEVEL_LEARNED + 4, moved, others, percent)).isEqualTo(moved);
  }

  /** With most of them moved the healthy ones are named: it is said that it may be the others. */
  @ParameterizedTest
  @CsvSource({"1, 2, 80", "2, 1, 80", "1, 2, 10", "2, 1, 10"})
  void saysThatItMayBeTheOthersWhileTheFleetsLevelIsNotKnown(
      String moved, String others, int percent) throws MalformedDocumentException {
    for (DriftFinding finding :
        List.of(
            found(DriftSettings.DEFAULTS, 10, moved, others, percent),
            found(SETTINGS, 3 * SEASON, moved, others, percent))) {
      assertThat(List.of(finding.cohort(), Objects.requireNonNull(finding.otherwise())))
          .containsExactlyInAnyOrder(new Cohort("firmware", "1"), new Cohort("firmware", "2"));
    }
    assertThat(found(SETTINGS, LEVEL_LEARNED + 4, moved, others, percent).otherwise()).isNull();
  }

  private static String named(
      DriftSettings settings, long from, String moved, String others, int percent)
      throws MalformedDocumentException {
    Cohort cohort = found(settings, from, moved, others, percent).cohort();
    assertThat(cohort.terms()).hasSize(1);
    assertThat(cohort.terms().getFirst().attribute()).isEqualTo("firmware");
    return cohort.terms().getFirst().value();
  }

  private static DriftFinding found(
      DriftSettings settings, long from, String moved, String others, int percent)
      throws MalformedDocumentException {
    NormalFleet fleet =
        new NormalFleet(
            DEVICES,
            2,
            40,
            device ->
                Map.of("firmware", device < percent ? moved : others, "site", "s" + device % 3),
            percent);
    DriftLedger ledger = fleet.ledger(settings);
    for (long window = 0; window < from + 40; window++) {
      WindowVerdict verdict =
          ledger.judge(
              window,
              fleet.window(
                  window,
                  (device, at) ->
                      .3 * Math.sin(2 * Math.PI * at / SEASON)
                          + (device < percent && at >= from ? .5 : 0)));
      if (verdict.found().isPresent()) {
        return verdict.found().orElseThrow();
      }
    }
    throw new AssertionError("nothing was found");
  }
}
