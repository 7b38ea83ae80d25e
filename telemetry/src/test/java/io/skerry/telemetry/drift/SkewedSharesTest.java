package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.MalformedDocumentException;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A few devices lose values now and then, and always did. */
class SkewedSharesTest {
  private static final int FEW = 10;
  private static final DriftSettings SETTINGS =
      new DriftSettings(48, 4, 8, 8, .01, .01, 3.9, 2.5, 1000);

  private static NormalFleet fleet(long seed) {
    return new NormalFleet(
        100, 2, 60, device -> Map.of("lot", device < FEW ? "7" : "" + device % 3), seed);
  }

  private static double lost(int device, long window, double often) {
    boolean flaps =
        device < FEW && new SplittableRandom(1_000 * window + device).split().nextDouble() < often;
    return flaps ? Double.NaN : 0;
  }

  @ParameterizedTest
  @CsvSource({".02, 1", ".05, 1", ".05, 2", ".1, 1", ".1, 2"})
  void opensNothingOfWhatWasAlwaysSo(double often, long seed) throws MalformedDocumentException {
    assertThat(fleet(seed).play(SETTINGS, 250, (device, at) -> lost(device, at, often))).isEmpty();
  }

  /** They are the same lot, and still told. */
  @Test
  void findsThemWhereTheyLoseFarMore() throws MalformedDocumentException {
    List<DriftFinding> found =
        fleet(3).play(SETTINGS, 71, (device, at) -> lost(device, at, at < 60 ? .05 : 1));

    assertThat(found).isNotEmpty();
    assertThat(found.getFirst().cohort()).isEqualTo(new Cohort("lot", "7"));
    assertThat(found.getFirst().nature()).isEqualTo(DriftFinding.Nature.QUALITY);
    assertThat(found.getFirst().isWorse()).isTrue();
  }

  /** Ten devices of a lot tell outcomes and flap; how many are silent does not matter. */
  @ParameterizedTest
  @CsvSource({"1, 0", "1, 30", "3, 0", "3, 30"})
  void allowsForWhatThoseSayThatTellOutcomes(int every, int silent)
      throws MalformedDocumentException {
    NormalFleet fleet =
        new NormalFleet(
            90 + silent,
            1,
            10,
            device -> Map.of("lot", device < FEW || device >= 90 ? "7" : device < 20 ? "8" : "9"),
            5);
    DriftLedger ledger = fleet.ledger(SETTINGS);
    WindowVerdict last = ledger.judge(0, List.of());
    for (long window = 1; window <= 90; window++) {
      long now = window;
      last =
          ledger.judge(
              now,
              fleet.window(
                  now,
                  NormalFleet.First.NOTHING,
                  device ->
                      device >= 90 || now % every > 0
                          ? DeviceWindow.Outcomes.NONE
                          : outcomes(device, now)));
    }

    // Either lot is ten devices; that of those that flap is allowed more.
    assertThat(errors(last, "7").tolerance() - errors(last, "8").tolerance()).isBetween(.08, .2);
  }

  private static DeviceWindow.Outcomes outcomes(int device, long window) {
    SplittableRandom random = new SplittableRandom(1_000 * window + device).split();
    int wrong = device < FEW && random.nextDouble() < .3 ? 100 : random.nextInt(10);
    return new DeviceWindow.Outcomes(100, 100 - wrong, wrong, List.of(50.0, 50.0));
  }

  private static StreamVerdict errors(WindowVerdict verdict, String lot) {
    return verdict.streams().stream()
        .filter(one -> one.cohort().equals(new Cohort("lot", lot)))
        .filter(one -> one.stream().kind() == Stream.Kind.ERROR)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void isNoWorseWhereLessIsLost() throws MalformedDocumentException {
    List<DriftFinding> found =
        fleet(4).play(SETTINGS, 80, (device, at) -> lost(device, at, at < 60 ? 1 : 0));

    assertThat(found).isNotEmpty();
    assertThat(found.getFirst().nature()).isEqualTo(DriftFinding.Nature.QUALITY);
    assertThat(found.getFirst().isWorse()).isFalse();
  }
}
