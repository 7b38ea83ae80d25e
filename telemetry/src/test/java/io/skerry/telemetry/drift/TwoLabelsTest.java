package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.MalformedDocumentException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What is found of devices with two labels at once. */
class TwoLabelsTest {
  private static final int SHIFTED_FROM = 20;
  private static final Cohort BOTH = new Cohort("firmware", "2").and(new Cohort("site", "s1"));

  private static final GatewayFleet.Shape SHAPE =
      new GatewayFleet.Shape(
          80,
          2,
          (gateway, place) -> Map.of("site", "s" + gateway % 4, "firmware", "" + (place + 1)),
          .1,
          .1);

  // The devices of both were always one deviation above all others; now they are one below.
  private static WindowVerdict found(DriftLedger ledger, GatewayFleet fleet)
      throws MalformedDocumentException {
    ledger.register(GatewayFleet.VERSION, fleet.streams());
    for (long window = 0; window < SHIFTED_FROM + 20; window++) {
      WindowVerdict verdict =
          ledger.judge(window, fleet.window(BOTH, window < SHIFTED_FROM ? 1 : -1));
      if (verdict.found().isPresent()) {
        return verdict;
      }
    }
    throw new AssertionError("nothing was found");
  }

  /** What is learned of one label is of other devices: they always differed, and have not moved. */
  @Test
  void isNotSetBesideTheCountsOfOtherDevices() throws MalformedDocumentException {
    WindowVerdict verdict =
        found(
            new DriftLedger(DriftSettings.DEFAULTS), new GatewayFleet(SHAPE, Optional.empty(), 3));

    DriftFinding finding = verdict.found().orElseThrow();
    assertThat(finding.cohort()).isEqualTo(BOTH);
    assertThat(finding.window()).isGreaterThanOrEqualTo(SHIFTED_FROM);
    assertThat(finding.size().expectedCount()).isZero();
    assertThat(finding.psi()).isZero();
    assertThat(finding.shiftSigma()).isCloseTo(-2, within(.6));
    assertThat(finding.size().shiftSigma().isBeyondZero()).isTrue();
    DriftEvidence evidence = verdict.evidence().orElseThrow();
    assertThat(evidence.size(finding.size().shiftSigma())).isEqualTo(finding.size());
    assertThat(evidence.expected()).isEmpty();
  }

  @Test
  void hasNoDistancesFromTheCountsOfOtherDevices() throws MalformedDocumentException {
    GatewayFleet fleet = new GatewayFleet(SHAPE, Optional.empty(), 3);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    long window = found(ledger, fleet).window();

    WindowVerdict next = ledger.judgeAndMeasure(window + 1, fleet.window(BOTH, -1), List.of());

    assertThat(next.streams()).anyMatch(one -> one.cohort().equals(BOTH));
    assertThat(next.distances()).isNotEmpty().noneMatch(one -> one.cohort().equals(BOTH));
  }
}
