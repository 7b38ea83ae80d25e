package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.JudgedWindow.Counted;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RecordStream;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Which windows drift is judged of, in which order, and what of them counts. */
interface JudgedWindowsContract {
  DeviceId FIRST = RolloutFleet.device(1);
  DeviceId SECOND = RolloutFleet.device(2);

  /** Whose records had time to arrive. */
  Instant BEGIN = Records.beginning(Instant.parse("2026-11-01T00:00:00Z"));

  /** Late windows of a device that are judged with one window. */
  int LATE_MAX = 8;

  /** Without devices. */
  Tables tables();

  @BeforeEach
  default void enrolTwo() {
    tables().enrol(FIRST);
    tables().enrol(SECOND);
  }

  private Records of(DeviceId device) {
    return new Records(tables(), device, RolloutFleet.GATEWAY);
  }

  private static Record window(Records records, int number, long version, int predictions) {
    return records.window(BEGIN.plusSeconds(number), Records.Counted.of(version, predictions));
  }

  private static long index(int number) {
    return BEGIN.getEpochSecond() + number;
  }

  private static Counted counted(int number, DeviceId device, long version, long predictions) {
    return new Counted(index(number), device, RolloutFleet.GATEWAY, version, predictions);
  }

  @Test
  default void windowsAreJudgedInTheirOrderWhateverCameFirst() {
    Records first = of(FIRST);
    Records second = of(SECOND);
    first.stored(1, window(first, 2, 1, 12), window(first, 0, 1, 10));
    second.stored(1, window(second, 3, 1, 23), window(second, 2, 1, 22));

    assertThat(tables().judge())
        .containsExactly(
            new JudgedWindow(index(0), List.of(counted(0, FIRST, 1, 10)), List.of()),
            new JudgedWindow(
                index(2), List.of(counted(2, FIRST, 1, 12), counted(2, SECOND, 1, 22)), List.of()),
            new JudgedWindow(index(3), List.of(counted(3, SECOND, 1, 23)), List.of()));
    assertThat(tables().judge()).as("nothing came").isEmpty();
  }

  @Test
  default void whatABatchSaysTwiceCountsOnce() {
    Records first = of(FIRST);
    RecordBatch batch = first.stored(1, window(first, 0, 1, 10));
    tables().take(FIRST, RecordStream.WINDOWS, List.of(batch));

    assertThat(tables().judge())
        .containsExactly(new JudgedWindow(index(0), List.of(counted(0, FIRST, 1, 10)), List.of()));
  }

  @Test
  default void theRestOfAWindowAfterAStartIsAddedToIt() {
    Records first = of(FIRST);
    first.stored(1, window(first, 0, 1, 10));
    first.stored(2, window(first, 0, 1, 7));

    assertThat(tables().judge())
        .containsExactly(new JudgedWindow(index(0), List.of(counted(0, FIRST, 1, 17)), List.of()));
  }

  @Test
  default void aDeviceThatSwitchedCountsByTheVersionThatAnsweredMore() {
    Records first = of(FIRST);
    Records second = of(SECOND);
    first.stored(1, window(first, 0, 1, 30), window(first, 0, 2, 20));
    second.stored(1, window(second, 0, 1, 20), window(second, 0, 2, 30));
    // And of as many answers the newer one.
    first.stored(1, window(first, 1, 2, 10), window(first, 1, 1, 10));
    // Each with all of its parts.
    second.stored(1, window(second, 1, 1, 6), window(second, 1, 2, 10));
    second.stored(2, window(second, 1, 1, 6));

    assertThat(tables().judge())
        .containsExactly(
            new JudgedWindow(
                index(0), List.of(counted(0, FIRST, 1, 30), counted(0, SECOND, 2, 30)), List.of()),
            new JudgedWindow(
                index(1), List.of(counted(1, FIRST, 2, 10), counted(1, SECOND, 1, 12)), List.of()));
  }

  @Test
  default void aTrialBesideItDoesNotCount() {
    Records first = of(FIRST);
    first.stored(1, window(first, 0, 1, 10), first.onTrial(window(first, 0, 2, 90)));

    assertThat(tables().judge())
        .contains(new JudgedWindow(index(0), List.of(counted(0, FIRST, 1, 10)), List.of()));
  }

  @Test
  default void whatCameTooLateCountsOnceWithTheNextWindow() {
    Records first = of(FIRST);
    Records second = of(SECOND);
    first.stored(1, window(first, 0, 1, 10), window(first, 1, 1, 11));
    tables().judge();

    // Of a switch the version that answered more, here too.
    second.stored(1, window(second, 0, 1, 30), window(second, 0, 2, 20), window(second, 1, 1, 21));
    assertThat(tables().judge()).as("no window is due").isEmpty();
    first.stored(1, window(first, 3, 1, 13));

    assertThat(tables().judge())
        .containsExactly(
            new JudgedWindow(
                index(3),
                List.of(counted(3, FIRST, 1, 13)),
                List.of(counted(0, SECOND, 1, 30), counted(1, SECOND, 1, 21))));
    first.stored(1, window(first, 4, 1, 14));
    assertThat(tables().judge())
        .containsExactly(new JudgedWindow(index(4), List.of(counted(4, FIRST, 1, 14)), List.of()));
  }

  @Test
  default void ofMuchThatCameTooLateADevicesNewestCounts() {
    Records first = of(FIRST);
    Records second = of(SECOND);
    int now = DriftLedger.LATE_WINDOWS + 20;
    first.stored(1, window(first, now - 1, 1, 10));
    tables().judge();
    for (int number = now - 2; number > now - 2 * LATE_MAX; number -= 3) {
      second.stored(1, window(second, number, 1, 20));
    }
    for (int number = now - 3; number > now - 3 - LATE_MAX; number--) {
      first.stored(1, window(first, number, 1, 5));
    }
    first.stored(1, window(first, now - 3 - LATE_MAX, 1, 99));
    first.stored(1, window(first, now, 1, 11));

    JudgedWindow judged = tables().judge().getFirst();

    assertThat(judged.late().stream().filter(one -> one.device().equals(FIRST)))
        .extracting(Counted::window)
        .containsExactly(
            index(now - 10),
            index(now - 9),
            index(now - 8),
            index(now - 7),
            index(now - 6),
            index(now - 5),
            index(now - 4),
            index(now - 3));
    assertThat(judged.late().stream().filter(one -> one.device().equals(SECOND))).hasSize(5);
  }

  @Test
  default void whatCameFarTooLateDoesNotCount() {
    Records first = of(FIRST);
    int now = DriftLedger.LATE_WINDOWS + 20;
    first.stored(1, window(first, now - 1, 1, 10));
    tables().judge();
    int oldest = now - DriftLedger.LATE_WINDOWS;
    first.stored(1, window(first, oldest - 1, 1, 8), window(first, oldest, 1, 9));
    first.stored(1, window(first, now, 1, 11));

    assertThat(tables().judge())
        .containsExactly(
            new JudgedWindow(
                index(now),
                List.of(counted(now, FIRST, 1, 11)),
                List.of(counted(oldest, FIRST, 1, 9))));
  }

  @Test
  default void aDeviceCountsAsWhatItIsWhenItIsJudged() {
    RolloutFleet fleet = new RolloutFleet(tables());
    Records first = of(FIRST);
    first.stored(1, window(first, 0, 1, 10));
    fleet.becomes(FIRST, RolloutFleet.OF_BOARD);

    assertThat(tables().judge().getFirst().devices())
        .containsExactly(new Counted(index(0), FIRST, RolloutFleet.BOARD, 1, 10));
  }

  @Test
  default void whatADeviceSentBeforeItWasRemovedCounts() {
    Records first = of(FIRST);
    first.stored(1, window(first, 0, 1, 10));
    tables().remove(FIRST);

    assertThat(tables().judge())
        .containsExactly(new JudgedWindow(index(0), List.of(counted(0, FIRST, 1, 10)), List.of()));
  }

  /** A process that was started anew judges nothing twice, and forgets nothing that came late. */
  @Test
  default void aStartChangesNothing() {
    Records first = of(FIRST);
    Records second = of(SECOND);
    first.stored(1, window(first, 0, 1, 10));
    tables().judge();
    second.stored(1, window(second, 0, 1, 20));

    tables().restart();

    assertThat(tables().judge()).isEmpty();
    first.stored(1, window(first, 1, 1, 11));
    assertThat(tables().judge())
        .containsExactly(
            new JudgedWindow(
                index(1), List.of(counted(1, FIRST, 1, 11)), List.of(counted(0, SECOND, 1, 20))));
  }
}
