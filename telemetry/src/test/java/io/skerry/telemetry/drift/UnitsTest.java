package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Devices behind one gateway share what disturbs them. */
class UnitsTest {
  private static final int WINDOWS = 120;
  private static final int SHIFTED_FROM = 60;
  private static final Cohort SITE = new Cohort("site", "s1");
  private static final Cohort FIRMWARE = new Cohort("firmware", "2");
  private static final Optional<String> GATEWAY = Optional.of("gateway");

  // A site is whole gateways.
  private static final GatewayFleet.Shape SITES =
      new GatewayFleet.Shape(48, 12, (gateway, place) -> Map.of("site", "s" + gateway % 4), 1, 0);

  // Every gateway has devices of both.
  private static final GatewayFleet.Shape FIRMWARES =
      new GatewayFleet.Shape(
          24, 6, (gateway, place) -> Map.of("firmware", place % 2 == 0 ? "1" : "2"), .5, .3);

  // Nine of ten gateways have one device of it, the tenth has none.
  private static final GatewayFleet.Shape ONE_OF_FEW =
      new GatewayFleet.Shape(
          100,
          3,
          (gateway, place) -> Map.of("firmware", place == 0 && gateway % 10 != 0 ? "2" : "1"),
          .1,
          .5);

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void countsGatewaysAndNotTheirDevicesAsWitnesses(long seed) throws MalformedDocumentException {
    assertThat(incidents(SITES, Optional.empty(), seed, SITE, 0)).isNotEmpty();
    assertThat(incidents(SITES, GATEWAY, seed, SITE, 0)).isEmpty();
  }

  @Test
  void findsWhatAllGatewaysOfASiteShare() throws MalformedDocumentException {
    List<DriftFinding> found = incidents(SITES, GATEWAY, 4, SITE, 1.5);

    assertThat(found).hasSize(1);
    assertThat(found.getFirst().cohort()).isEqualTo(SITE);
    assertThat(found.getFirst().feature()).isEqualTo("f0");
  }

  /**
   * Twelve gateways of a site against 36 say .06 beside what they say; 144 devices seem to, .02.
   */
  @Test
  void tellsHowSureAShiftIsByGatewaysAndNotByTheirDevices() throws MalformedDocumentException {
    GatewayFleet fleet = new GatewayFleet(SITES, GATEWAY, 4);
    DriftLedger ledger = ledger(fleet);
    Optional<DriftFinding> found = Optional.empty();
    for (long window = 0; found.isEmpty() && window < WINDOWS; window++) {
      found = ledger.judge(window, fleet.window(SITE, window < SHIFTED_FROM ? 0 : 1.5)).found();
    }
    DriftFinding finding = found.orElseThrow();
    Set<DeviceId> touched =
        fleet.attributes().entrySet().stream()
            .filter(entry -> SITE.holds(entry.getValue()))
            .map(entry -> new DeviceId(entry.getKey()))
            .collect(Collectors.toSet());

    EventCheck check = ledger.check(finding, touched);

    assertThat(finding.devices()).isEqualTo(144);
    assertThat(finding.peers()).isEqualTo(432);
    assertThat(finding.effect().halfWidth()).isBetween(.07, .2);
    assertThat(finding.size().shiftSigma().halfWidth()).isGreaterThan(.2);
    assertThat(check.membersTouched()).isEqualTo(1);
    assertThat(check.difference().halfWidth()).isBetween(.07, .2);
  }

  /** Of seven gateways nothing can be said, however many devices they have. */
  @Test
  void checksNoEventThatReachedFewGateways() throws MalformedDocumentException {
    GatewayFleet fleet = new GatewayFleet(SITES, GATEWAY, 4);
    DriftLedger ledger = ledger(fleet);
    Optional<DriftFinding> found = Optional.empty();
    for (long window = 0; found.isEmpty() && window < WINDOWS; window++) {
      found = ledger.judge(window, fleet.window(SITE, window < SHIFTED_FROM ? 0 : 1.5)).found();
    }
    Set<DeviceId> touched =
        fleet.attributes().entrySet().stream()
            .filter(entry -> Set.of("g1", "g5", "g9").contains(entry.getValue().get("gateway")))
            .map(entry -> new DeviceId(entry.getKey()))
            .collect(Collectors.toSet());

    assertThat(ledger.check(found.orElseThrow(), touched).answer())
        .isEqualTo(EventCheck.Answer.NOT_TESTABLE);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 3})
  void blamesNoCohortThatCrossesGatewaysForChance(long seed) throws MalformedDocumentException {
    assertThat(incidents(FIRMWARES, GATEWAY, seed, FIRMWARE, 0)).isEmpty();
    assertThat(incidents(ONE_OF_FEW, GATEWAY, seed, FIRMWARE, 0)).isEmpty();
  }

  @Test
  void findsWhatSomeDevicesOfEveryGatewayHave() throws MalformedDocumentException {
    List<DriftFinding> found = incidents(FIRMWARES, GATEWAY, 4, FIRMWARE, 1);

    assertThat(found).hasSize(1);
    assertThat(found.getFirst().cohort().toString()).startsWith("firmware=");
    assertThat(found.getFirst().feature()).isEqualTo("f0");
  }

  /** The peers are what else is behind the gateways, and not the members once more. */
  @Test
  void measuresACohortAgainstTheOthersOfItsGateways() throws MalformedDocumentException {
    GatewayFleet fleet = new GatewayFleet(FIRMWARES, GATEWAY, 5);
    DriftLedger ledger = ledger(fleet);
    WindowVerdict last = ledger.judge(0, fleet.window(FIRMWARE, 0));
    for (long window = 1; window <= SHIFTED_FROM; window++) {
      last = ledger.judge(window, fleet.window(FIRMWARE, window < SHIFTED_FROM ? 0 : .3));
    }

    StreamVerdict verdict =
        last.streams().stream()
            .filter(one -> one.cohort().equals(FIRMWARE))
            .filter(one -> one.stream().kind() == Stream.Kind.LOCATION)
            .filter(one -> one.stream().name().equals("f0"))
            .findFirst()
            .orElseThrow();
    assertThat(verdict.devices()).isEqualTo(24);
    assertThat(verdict.peers()).isEqualTo(24);
    assertThat(verdict.effect()).isBetween(.05, .15);
  }

  @Test
  void nullReplayDealsWholeGateways() throws MalformedDocumentException {
    assertThat(replayed(SITES, 5).incidents()).isZero();
  }

  /** Where devices of one gateway differ in a label, those they are dealt to differ as well. */
  @Test
  void nullReplayDealsWhatCrossesGatewaysAcrossThem() throws MalformedDocumentException {
    NullReplay.Result result = replayed(FIRMWARES, 7);

    assertThat(result.windows())
        .isEqualTo(2L * (WINDOWS - DriftSettings.DEFAULTS.learningWindows()));
    assertThat(result.incidents()).isZero();
  }

  private static NullReplay.Result replayed(GatewayFleet.Shape shape, long seed)
      throws MalformedDocumentException {
    GatewayFleet fleet = new GatewayFleet(shape, GATEWAY, seed);
    NullReplay replay = new NullReplay(DriftSettings.DEFAULTS, fleet.attributes(), 2, 7);
    replay.register(GatewayFleet.VERSION, fleet.streams());
    for (long window = 0; window < WINDOWS; window++) {
      replay.judge(window, fleet.window(SITE, 0));
    }
    return replay.result();
  }

  private static DriftLedger ledger(GatewayFleet fleet) throws MalformedDocumentException {
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(GatewayFleet.VERSION, fleet.streams());
    return ledger;
  }

  private static List<DriftFinding> incidents(
      GatewayFleet.Shape shape, Optional<String> unit, long seed, Cohort cohort, double shift)
      throws MalformedDocumentException {
    GatewayFleet fleet = new GatewayFleet(shape, unit, seed);
    DriftLedger ledger = ledger(fleet);
    List<DriftFinding> findings = new ArrayList<>();
    for (long window = 0; window < WINDOWS; window++) {
      ledger
          .judge(window, fleet.window(cohort, window < SHIFTED_FROM ? 0 : shift))
          .found()
          .ifPresent(findings::add);
    }
    return findings;
  }
}
