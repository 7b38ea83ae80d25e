package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.MalformedDocumentException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What few peers do by chance, all members of a large cohort differ from. */
class FewPeersTest {
  private static final DriftSettings SETTINGS =
      new DriftSettings(48, 4, 8, 8, .01, .01, 3.9, 2.5, 1000);

  private static NormalFleet fleet(int devices, int peers, int features, long seed) {
    return new NormalFleet(
        devices, features, 16, device -> Map.of("firmware", device < peers ? "1" : "2"), seed);
  }

  @ParameterizedTest
  @CsvSource({"1000, 10, 5, 40, 3", "1000, 10, 5, 40, 4", "10000, 100, 1, 20, 3"})
  void opensNothingOnAHealthyFleet(int devices, int peers, int features, int judged, long seed)
      throws MalformedDocumentException {
    assertThat(
            fleet(devices, peers, features, seed)
                .play(SETTINGS, 48 + judged, NormalFleet.First.NOTHING))
        .isEmpty();
  }

  /** The few themselves are told by as many peers as anybody. */
  @Test
  void stillFindsWhatHappensToFew() throws MalformedDocumentException {
    assertThat(
            fleet(300, 20, 2, 3)
                .play(SETTINGS, 54, (device, window) -> device < 20 && window >= 50 ? .5 : 0))
        .isNotEmpty()
        .allSatisfy(
            found -> {
              assertThat(found.cohort()).isEqualTo(new Cohort("firmware", "1"));
              assertThat(found.window()).isBetween(50L, 53L);
            });
  }
}
