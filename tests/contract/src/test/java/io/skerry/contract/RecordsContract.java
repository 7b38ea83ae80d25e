package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.Tables.Counts;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RecordStream;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every record of a device is stored once, and the device frees only what is stored. */
interface RecordsContract {
  DeviceId DEVICE = new DeviceId("device-1");
  DeviceId OTHER = new DeviceId("device-2");

  /** Without devices. */
  Tables tables();

  @BeforeEach
  default void enrolDevices() {
    tables().enrol(DEVICE);
    tables().enrol(OTHER);
  }

  @Test
  default void storesARecordOnceHoweverOftenItComes() {
    assertThat(committed(taken(batch(1, 1, 2, 3)))).isEqualTo(3);
    assertThat(committed(taken(batch(1, 1, 2, 3)))).as("told again").isEqualTo(3);
    assertThat(committed(taken(batch(1, 3, 4)))).isEqualTo(4);

    assertThat(tables().stored(DEVICE, 1)).containsExactly(1L, 2L, 3L, 4L);
    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(4, 4, 0, 0));
  }

  @Test
  default void storesARecordOnceWithinABatch() {
    assertThat(committed(taken(batch(1, 1, 1, 2, 2)))).isEqualTo(2);

    assertThat(tables().stored(DEVICE, 1)).containsExactly(1L, 2L);
    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(2, 2, 0, 0));
  }

  @Test
  default void commitsOnlyUpToAGap() {
    assertThat(committed(taken(batch(1, 1, 2, 5)))).isEqualTo(2);
    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(3, 0, 2, 0));
    assertThat(committed(taken(batch(1, 4, 5)))).isEqualTo(2);
    assertThat(committed(taken(batch(1, 3)))).isEqualTo(5);

    assertThat(tables().stored(DEVICE, 1)).containsExactly(1L, 2L, 3L, 4L, 5L);
    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(5, 1, 0, 0));
  }

  @Test
  default void commitsNothingWithoutTheFirst() {
    assertThat(taken(batch(1, 2, 3))).isEmpty();

    assertThat(tables().stored(DEVICE, 1)).containsExactly(2L, 3L);
  }

  @Test
  default void keepsDevicesAndBootsApart() {
    taken(batch(1, 1, 2));
    assertThat(committed(taken(batch(2, 1)))).isEqualTo(1);
    assertThat(committed(tables().take(OTHER, batch(1, 1)))).isEqualTo(1);

    assertThat(tables().stored(DEVICE, 1)).containsExactly(1L, 2L);
    assertThat(tables().stored(DEVICE, 2)).containsExactly(1L);
    assertThat(tables().stored(OTHER, 1)).containsExactly(1L);
    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(3, 0, 0, 0));
  }

  @Test
  default void remembersOverARestart() {
    taken(batch(1, 1, 2, 4));

    tables().restart();

    assertThat(committed(taken(batch(1, 1, 2, 3, 4, 5)))).isEqualTo(5);
    assertThat(tables().stored(DEVICE, 1)).containsExactly(1L, 2L, 3L, 4L, 5L);
    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(5, 3, 0, 0));
  }

  @Test
  default void waitsForNothingThatTheDeviceDropped() {
    RecordBatch first = batch(1, 11, 12).toBuilder().setFirstKept(11).build();

    assertThat(committed(taken(first))).isEqualTo(12);
    assertThat(committed(taken(first))).isEqualTo(12);
    // It was on its way when the device dropped it.
    taken(batch(1, 10));

    assertThat(tables().stored(DEVICE, 1)).containsExactly(11L, 12L);
    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(2, 3, 0, 10));
  }

  @Test
  default void waitsForNothingThatTheDeviceCannotRead() {
    RecordBatch damaged =
        batch(1, 1, 2, 5).toBuilder()
            .addGaps(RecordBatch.Gap.newBuilder().setFirst(3).setLast(4))
            .build();

    assertThat(committed(taken(damaged))).isEqualTo(5);
    assertThat(committed(taken(damaged))).isEqualTo(5);

    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(3, 3, 0, 2));
  }

  @Test
  default void waitsForNothingOfABootThatIsOver() {
    taken(batch(1, 1, 2, 5));
    assertThat(tables().counts(DEVICE).missing()).isEqualTo(2);

    taken(batch(2, 1).toBuilder().setOldestEpoch(2).build());

    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(4, 0, 0, 2));
    taken(batch(1, 3));
    assertThat(tables().stored(DEVICE, 1)).containsExactly(1L, 2L, 5L);
  }

  @Test
  default void tellsWhatWillNeverCome() {
    assertThat(taken(batch(1, 11, 12).toBuilder().setFirstKept(11).build()))
        .containsExactly(range(1, 12, 10, false));
    taken(batch(1, 15));

    assertThat(taken(batch(3, 1).toBuilder().setOldestEpoch(3).build()))
        .containsExactlyInAnyOrder(range(3, 1, 0, false), range(1, 15, 12, true));
  }

  @Test
  default void storesNothingThatCannotBe() {
    taken(batch(1, 1));

    assertThat(committed(taken(batch(1, 0)))).isEqualTo(1);
    assertThat(committed(taken(batch(1, 1L << 40)))).isEqualTo(1);
    assertThat(taken(batch(0, 1))).isEmpty();
    assertThat(taken(batch(1L << 40, 1))).isEmpty();
    assertThat(tables().take(new DeviceId("nobody"), batch(1, 1))).isEmpty();

    assertThat(tables().stored(DEVICE, 1)).containsExactly(1L);
    assertThat(tables().counts(DEVICE)).isEqualTo(new Counts(1, 0, 0, 0));
  }

  private static CommittedRange range(long bootEpoch, long through, long givenUp, boolean ended) {
    return new CommittedRange(
        RecordStream.EVENTS, bootEpoch, through, OptionalLong.of(givenUp), ended);
  }

  private List<CommittedRange> taken(RecordBatch batch) {
    return tables().take(DEVICE, batch);
  }

  // Of the boot that was sent last; the ends of others are told besides.
  private static long committed(List<CommittedRange> ranges) {
    return ranges.stream().filter(range -> !range.ended()).findFirst().orElseThrow().through();
  }

  private static RecordBatch batch(long bootEpoch, long... sequences) {
    RecordBatch.Builder batch = RecordBatch.newBuilder().setBootEpoch(bootEpoch);
    for (long sequence : sequences) {
      batch.addRecords(
          Record.newBuilder()
              .setSequence(sequence)
              .setAtMillis(1_700_000_000_000L)
              .setEvent(Event.newBuilder().setCode("TESTED")));
    }
    return batch.build();
  }
}
