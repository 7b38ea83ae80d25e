package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.RecordStream;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Window;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpoolCheckpointTest {
  private static final long ROOM = 1 << 20;

  @TempDir Path folder;

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static Record window(String model) {
    return TelemetryRecords.of(
        Instant.EPOCH, Window.newBuilder().setModel(ModelRef.newBuilder().setModel(model)).build());
  }

  private Optional<String> found(long epoch) throws IOException {
    return SpoolTest.open(folder, epoch, ROOM)
        .checkpointed()
        .map(left -> new String(left.content(), StandardCharsets.US_ASCII));
  }

  private Path file(int number) {
    return folder.resolve("open-windows-" + number);
  }

  @Test
  void theNewestOneOutlivesTheProcess() throws IOException {
    Spool spool = SpoolTest.open(folder, 1, ROOM);
    assertThat(spool.checkpointed()).isEmpty();
    for (String content : new String[] {"first, a long one", "second", "third"}) {
      assertThat(spool.checkpoint(bytes(content))).isTrue();
    }

    assertThat(found(2)).contains("third");
  }

  @Test
  void tellsTheWindowsThatWereKeptAfterIt() throws IOException {
    Spool spool = SpoolTest.open(folder, 1, ROOM);
    spool.append(RecordStream.WINDOWS, window("before"));
    spool.checkpoint(bytes("open"));
    spool.append(RecordStream.WINDOWS, window("after"));
    Spool next = SpoolTest.open(folder, 2, ROOM);
    next.append(RecordStream.WINDOWS, window("later"));

    Spool.Checkpoint left = SpoolTest.open(folder, 3, ROOM).checkpointed().orElseThrow();

    assertThat(left.since())
        .extracting(record -> record.getWindow().getModel().getModel())
        .containsExactly("after", "later");
  }

  @Test
  void oneThatIsCutAnywhereIsNone() {
    byte[] whole = SpoolCheckpoint.encode(new SpoolCheckpoint.Found(7, 3, 2, bytes("content")));

    for (int length = 0; length < whole.length; length++) {
      assertThat(SpoolCheckpoint.decode(Arrays.copyOf(whole, length))).as("%d", length).isEmpty();
    }
    // What is left of a longer one before it lies behind.
    SpoolCheckpoint.Found found =
        SpoolCheckpoint.decode(Arrays.copyOf(whole, whole.length + 9)).orElseThrow();
    assertThat(found.content()).isEqualTo(bytes("content"));
    assertThat(found.generation()).isEqualTo(7);
    assertThat(found.epoch()).isEqualTo(3);
    assertThat(found.after()).isEqualTo(2);
  }

  @Test
  void oneOfWhichAnyBitIsAnotherIsNone() {
    byte[] whole = SpoolCheckpoint.encode(new SpoolCheckpoint.Found(7, 3, 2, bytes("content")));

    for (int bit = 0; bit < 8 * whole.length; bit++) {
      byte[] flipped = whole.clone();
      flipped[bit / 8] ^= (byte) (1 << bit % 8);
      assertThat(SpoolCheckpoint.decode(flipped)).as("bit %d", bit).isEmpty();
    }
  }

  @Test
  void aTornOneCountsAsTheOneBefore() throws IOException {
    Spool spool = SpoolTest.open(folder, 1, ROOM);
    // The first goes to both files, the next to one after the other.
    spool.checkpoint(bytes("first"));
    spool.checkpoint(bytes("second"));
    spool.checkpoint(bytes("third"));
    Files.write(file(0), Arrays.copyOf(Files.readAllBytes(file(0)), 40));

    assertThat(found(2)).contains("second");
  }

  @Test
  void behindARecordNeitherFileHoldsWhatTheRecordCounts() throws IOException {
    Spool spool = SpoolTest.open(folder, 1, ROOM);
    spool.checkpoint(bytes("open"));
    spool.checkpoint(bytes("open"));
    spool.append(RecordStream.WINDOWS, window("m"));
    spool.checkpoint(bytes("none"));

    for (int damaged = 0; damaged < 2; damaged++) {
      byte[] before = Files.readAllBytes(file(damaged));
      Files.write(file(damaged), new byte[3]);
      assertThat(found(2 + damaged)).contains("none");
      Files.write(file(damaged), before);
    }
  }

  @Test
  void oneOfALaterStartOrAnotherKeyIsNone() throws IOException {
    Spool spool = SpoolTest.open(folder, 5, ROOM);
    spool.checkpoint(bytes("content"));

    assertThat(found(5)).isEmpty();
    Files.delete(folder.resolve("spool-key"));
    Files.deleteIfExists(folder.resolve("spool-key.before"));
    assertThat(found(6)).isEmpty();
  }

  @Test
  void isBounded() throws IOException {
    Spool spool = SpoolTest.open(folder, 1, ROOM);
    byte[] largest = new byte[Spool.checkpointBytesMax()];

    assertThat(spool.checkpoint(largest)).isTrue();
    assertThat(spool.checkpoint(largest)).isTrue();
    assertThat(Files.size(file(0)) + Files.size(file(1)))
        .isEqualTo(SpoolCheckpoint.FILES_BYTES_MAX);
    assertThatThrownBy(() -> spool.checkpoint(new byte[largest.length + 1]))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
