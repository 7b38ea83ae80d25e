package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.agent.disk.Disk;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Sample;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpoolTest {
  private static final long ROOM = 1 << 20;

  @TempDir Path folder;

  /** A spool whose key lies beside its streams. */
  static Spool open(Path folder, long bootEpoch, long bytesMax) throws IOException {
    return open(folder, "acme", bootEpoch, bytesMax);
  }

  private static Spool open(Path folder, String tenant, long bootEpoch, long bytesMax)
      throws IOException {
    SpoolSeal seal =
        SpoolSeal.of(Disk.local(), folder, new TenantId(tenant), new SplittableRandom(bootEpoch));
    return Spool.open(Disk.local(), folder, seal, bootEpoch, bytesMax);
  }

  static Record event(String detail) {
    return TelemetryRecords.event(Instant.EPOCH, "TEST", detail, Map.of());
  }

  private static Record sample(int bytes) {
    return TelemetryRecords.of(
        Instant.EPOCH,
        Sample.newBuilder()
            .addInputs(NamedTensor.newBuilder().setData(ByteString.copyFrom(new byte[bytes])))
            .build());
  }

  private static List<Long> sequences(Spool spool, RecordStream stream, Map<Long, Long> after) {
    return spool
        .next(stream, after)
        .map(batch -> batch.message().getRecordsList().stream().map(Record::getSequence).toList())
        .orElse(List.of());
  }

  private static long waiting(Spool spool, RecordStream stream) {
    return spool.waiting().getOrDefault(stream, 0L);
  }

  private Path onlySegment(RecordStream stream) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve(stream.wireName()))) {
      return files.toList().getFirst();
    }
  }

  @Test
  void numbersTheRecordsOfEachStreamFromOne() throws IOException {
    Spool spool = open(folder, 1, ROOM);
    spool.append(RecordStream.EVENTS, event("a"));
    spool.append(RecordStream.EVENTS, event("b"));
    spool.append(RecordStream.SAMPLES, sample(10));

    assertThat(sequences(spool, RecordStream.EVENTS, Map.of())).containsExactly(1L, 2L);
    assertThat(sequences(spool, RecordStream.SAMPLES, Map.of())).containsExactly(1L);
    assertThat(sequences(spool, RecordStream.EVENTS, Map.of(1L, 1L))).containsExactly(2L);
  }

  @Test
  void keepsRecordsOverARestartUnderTheirOwnEpoch() throws IOException {
    Spool before = open(folder, 1, ROOM);
    before.append(RecordStream.EVENTS, event("old"));
    Spool after = open(folder, 2, ROOM);
    after.append(RecordStream.EVENTS, event("new"));

    SpoolBatch first = after.next(RecordStream.EVENTS, Map.of()).orElseThrow();
    SpoolBatch second = after.next(RecordStream.EVENTS, Map.of(1L, 1L)).orElseThrow();

    assertThat(first.epoch()).isEqualTo(1);
    assertThat(first.message().getRecords(0).getEvent().getDetail()).isEqualTo("old");
    assertThat(second.epoch()).isEqualTo(2);
    assertThat(second.message().getRecords(0).getSequence()).isEqualTo(1);
  }

  @Test
  void freesOnlyWhatIsCommitted() throws IOException {
    Spool spool = open(folder, 1, ROOM);
    spool.append(RecordStream.EVENTS, event("a"));
    spool.append(RecordStream.EVENTS, event("b"));

    spool.committed(new CommittedRange(RecordStream.EVENTS, 1, 1));
    long afterOne = spool.bytes();
    spool.committed(new CommittedRange(RecordStream.EVENTS, 1, 2));

    assertThat(afterOne).isPositive();
    assertThat(spool.bytes()).isZero();
    spool.append(RecordStream.EVENTS, event("c"));
    assertThat(sequences(spool, RecordStream.EVENTS, Map.of(1L, 2L))).containsExactly(3L);
  }

  @Test
  void ignoresCommittedRangesOfEpochsItDoesNotHave() throws IOException {
    Spool spool = open(folder, 5, ROOM);
    spool.append(RecordStream.EVENTS, event("a"));

    spool.committed(new CommittedRange(RecordStream.EVENTS, 4, 99));
    spool.committed(new CommittedRange(RecordStream.EVENTS, 6, 99));

    assertThat(sequences(spool, RecordStream.EVENTS, Map.of())).containsExactly(1L);
  }

  @Test
  void keepsNothingOfARecordInTheClear() throws IOException {
    open(folder, 1, ROOM).append(RecordStream.EVENTS, event("patient 4711 of ward nine"));

    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(Files.readString(file, StandardCharsets.ISO_8859_1)).doesNotContain("patient");
      }
    }
    assertThat(Files.getPosixFilePermissions(folder.resolve("spool-key")))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void sealsEqualRecordsDifferently() throws IOException {
    Spool spool = open(folder, 1, ROOM);
    spool.append(RecordStream.SAMPLES, event("same"));
    spool.append(RecordStream.FEEDBACK, event("same"));

    assertThat(Files.readAllBytes(onlySegment(RecordStream.SAMPLES)))
        .isNotEqualTo(Files.readAllBytes(onlySegment(RecordStream.FEEDBACK)));
  }

  @Test
  void readsWhatAnAgentBeforeLeftInTheClear() throws IOException {
    byte[] record = event("old").toBuilder().setSequence(1).build().toByteArray();
    ByteBuffer frame = ByteBuffer.allocate(record.length + 24);
    frame.putInt(0x534B5232).putInt(record.length).putLong(1);
    frame.putInt(crc(frame.array(), 16)).put(record);
    frame.putInt(crc(frame.array(), 20 + record.length));
    Files.createDirectories(folder.resolve("events"));
    Files.write(folder.resolve("events/3-1.seg"), frame.array());

    Spool spool = open(folder, 4, ROOM);

    assertThat(spool.next(RecordStream.EVENTS, Map.of()).orElseThrow().message().getRecordsList())
        .extracting(kept -> kept.getEvent().getDetail())
        .containsExactly("old");
    assertThat(spool.damaged()).containsEntry(RecordStream.EVENTS, 0L);
  }

  private static int crc(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }

  @Test
  void countsWhatAnotherTenantSealedAsLostWithItsReason() throws IOException {
    open(folder, "acme", 1, ROOM).append(RecordStream.SAMPLES, event("of acme"));

    Spool other = open(folder, "globex", 2, ROOM);

    assertGivenUp(other, 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "skerry1 0000", "skerry1 00000000\n", "?"})
  void startsWithAHalfWrittenKeyAndCountsWhatItSealed(String left) throws IOException {
    Spool before = open(folder, 1, ROOM);
    before.append(RecordStream.SAMPLES, event("a"));
    before.append(RecordStream.SAMPLES, event("b"));
    Files.writeString(folder.resolve("spool-key"), left);

    Spool after = open(folder, 2, ROOM);

    after.append(RecordStream.SAMPLES, event("c"));
    assertGivenUp(after, 2);
    after.flush();
    Spool last = open(folder, 3, ROOM);
    assertThat(sequences(last, RecordStream.SAMPLES, Map.of(1L, 2L))).containsExactly(1L);
    assertGivenUp(last, 2, 0);
  }

  private static void assertGivenUp(Spool spool, int records) {
    assertGivenUp(spool, records, records);
  }

  private static void assertGivenUp(Spool spool, int records, int news) {
    SpoolBatch batch = spool.next(RecordStream.SAMPLES, Map.of()).orElseThrow();
    assertThat(batch.message().getRecordsCount()).isZero();
    assertThat(batch.message().getGapsList())
        .containsExactly(RecordBatch.Gap.newBuilder().setFirst(1).setLast(records).build());
    assertThat(spool.damaged()).containsEntry(RecordStream.SAMPLES, (long) records);
    assertThat(spool.takeUnopened().getOrDefault(RecordStream.SAMPLES, 0)).isEqualTo(news);
    assertThat(spool.takeUnopened()).isEmpty();
  }

  @Test
  void deletingTheKeyMakesTheSpoolUnreadable() throws IOException {
    open(folder, 1, ROOM).append(RecordStream.SAMPLES, event("a"));
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .contains("spool-key")
          .doesNotContain("spool-key.before", "spool-key.part");
    }
    Files.delete(folder.resolve("spool-key"));

    assertGivenUp(open(folder, 2, ROOM), 1);
  }

  @Test
  void aRecordMovedToAnotherPlaceIsNotOpened() throws IOException {
    SpoolSeal seal =
        SpoolSeal.of(Disk.local(), folder, new TenantId("acme"), new SplittableRandom(1));
    seal.prepare();
    byte[] sealed = seal.seal(RecordStream.SAMPLES, 1, 2, new byte[] {7});

    assertThat(seal.open(RecordStream.SAMPLES, 1, 2, sealed)).contains(new byte[] {7});
    assertThat(seal.open(RecordStream.SAMPLES, 1, 3, sealed)).isEmpty();
    assertThat(seal.open(RecordStream.SAMPLES, 2, 2, sealed)).isEmpty();
    assertThat(seal.open(RecordStream.EVENTS, 1, 2, sealed)).isEmpty();
    assertThat(seal.open(RecordStream.SAMPLES, 1, 2, new byte[3])).isEmpty();
  }

  @Test
  void keepsNothingWhileItsKeyCannotBeWritten() throws IOException {
    Path key = Files.createDirectories(folder.resolve("spool-key"));
    Spool spool = open(folder, 1, ROOM);

    assertThat(spool.append(RecordStream.EVENTS, event("a"))).isFalse();
    assertThat(spool.dropped()).containsEntry(RecordStream.EVENTS, 1L);
    Files.delete(key);
    assertThat(spool.append(RecordStream.EVENTS, event("b"))).isTrue();
    assertThat(sequences(open(folder, 2, ROOM), RecordStream.EVENTS, Map.of())).containsExactly(1L);
  }

  @Test
  void losesOnlyTheTornRecordAfterACrash() throws IOException {
    Spool before = open(folder, 1, ROOM);
    for (int i = 0; i < 5; i++) {
      before.append(RecordStream.EVENTS, event("record " + i));
    }
    Path segment = onlySegment(RecordStream.EVENTS);
    byte[] whole = Files.readAllBytes(segment);

    for (int cut = 1; cut < whole.length; cut++) {
      Files.write(segment, java.util.Arrays.copyOf(whole, cut));
      SpoolFrame.Scan scan = SpoolFrame.scan(whole, cut);
      int end = cut;
      long expected =
          SpoolFrame.scan(whole, whole.length).records().stream()
              .filter(record -> record.end() <= end)
              .count();
      assertThat(scan.records()).hasSize((int) expected);
    }
    Files.write(segment, java.util.Arrays.copyOf(whole, whole.length - 3));
    Spool after = open(folder, 2, ROOM);
    assertThat(sequences(after, RecordStream.EVENTS, Map.of())).containsExactly(1L, 2L, 3L, 4L);
    assertThat(after.damaged()).containsEntry(RecordStream.EVENTS, 0L);
  }

  @Test
  void aFlippedBitCostsOneRecordAndNoNeighbour() throws IOException {
    Spool before = open(folder, 1, ROOM);
    for (int i = 0; i < 5; i++) {
      before.append(RecordStream.EVENTS, event("record " + i));
    }
    byte[] whole = Files.readAllBytes(onlySegment(RecordStream.EVENTS));
    SpoolFrame.Found third = SpoolFrame.scan(whole, whole.length).records().get(2);

    for (int at = third.offset(); at < third.end(); at++) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 0x10;
      assertThat(
              SpoolFrame.scan(flipped, flipped.length).records().stream()
                  .map(SpoolFrame.Found::sequence))
          .containsExactly(1L, 2L, 4L, 5L);
    }
  }

  @Test
  void tellsAndCountsWhatIsDamagedOnceHoweverOftenItIsOpened() throws IOException {
    Spool before = open(folder, 1, ROOM);
    for (int i = 0; i < 5; i++) {
      before.append(RecordStream.EVENTS, event("record " + i));
    }
    Path segment = onlySegment(RecordStream.EVENTS);
    byte[] whole = Files.readAllBytes(segment);
    whole[SpoolFrame.scan(whole, whole.length).records().get(2).offset() + 6] ^= 1;
    Files.write(segment, whole);

    for (int boot = 2; boot < 5; boot++) {
      Spool after = open(folder, boot, ROOM);
      assertThat(after.damaged()).containsEntry(RecordStream.EVENTS, 1L);
      assertThat(waiting(after, RecordStream.EVENTS)).isEqualTo(4);
      SpoolBatch batch = after.next(RecordStream.EVENTS, Map.of()).orElseThrow();
      assertThat(batch.message().getGapsList())
          .containsExactly(RecordBatch.Gap.newBuilder().setFirst(3).setLast(3).build());
      assertThat(sequences(after, RecordStream.EVENTS, Map.of())).containsExactly(1L, 2L, 4L, 5L);
      assertThat(batch.last()).isEqualTo(5);
    }
  }

  @Test
  void noticesDamageWhileItRuns() throws IOException {
    Spool spool = open(folder, 1, ROOM);
    spool.append(RecordStream.EVENTS, event("a"));
    spool.append(RecordStream.EVENTS, event("b"));
    Files.delete(onlySegment(RecordStream.EVENTS));

    SpoolBatch batch = spool.next(RecordStream.EVENTS, Map.of()).orElseThrow();

    assertThat(batch.message().getRecordsList()).isEmpty();
    assertThat(batch.message().getGaps(0).getLast()).isEqualTo(2);
    assertThat(spool.damaged()).containsEntry(RecordStream.EVENTS, 2L);
    spool.committed(new CommittedRange(RecordStream.EVENTS, 1, 2));
    assertThat(spool.bytes()).isZero();
  }

  @Test
  void saysBelowWhichSequenceAndEpochNothingWillCome() throws IOException {
    Spool old = open(folder, 1, 32 * 1024);
    old.append(RecordStream.SAMPLES, sample(100));
    Spool spool = open(folder, 2, 32 * 1024);
    while (spool.dropped().getOrDefault(RecordStream.SAMPLES, 0L) < 10) {
      spool.append(RecordStream.SAMPLES, sample(1000));
    }

    SpoolBatch batch = spool.next(RecordStream.SAMPLES, Map.of()).orElseThrow();

    assertThat(batch.epoch()).isEqualTo(2);
    assertThat(batch.message().getOldestEpoch()).isEqualTo(2);
    long first = batch.message().getRecords(0).getSequence();
    assertThat(batch.message().getFirstKept()).isEqualTo(first);
    assertThat(spool.dropped()).containsEntry(RecordStream.SAMPLES, 1 + first - 1);
  }

  @Test
  void sendsOnlyWhatIsNotCommittedAfterARestart() throws IOException {
    Spool before = open(folder, 1, ROOM);
    for (int i = 0; i < 5; i++) {
      before.append(RecordStream.EVENTS, event("record " + i));
    }
    before.committed(new CommittedRange(RecordStream.EVENTS, 1, 3));
    before.close();

    Spool after = open(folder, 2, ROOM);

    assertThat(sequences(after, RecordStream.EVENTS, Map.of())).containsExactly(4L, 5L);
    assertThat(waiting(after, RecordStream.EVENTS)).isEqualTo(2);
  }

  @Test
  void ignoresARangeBeyondWhatItRecorded() throws IOException {
    Spool spool = open(folder, 1, ROOM);
    spool.append(RecordStream.EVENTS, event("a"));

    spool.committed(new CommittedRange(RecordStream.EVENTS, 1, 1L << 60));

    assertThat(sequences(spool, RecordStream.EVENTS, Map.of())).containsExactly(1L);
  }

  @Test
  void keepsFewFilesHoweverOftenItIsOpened() throws IOException {
    for (int boot = 1; boot <= Spool.SEGMENTS_MAX + 10; boot++) {
      assertThat(open(folder, boot, ROOM).append(RecordStream.EVENTS, event("up"))).isTrue();
    }

    Spool spool = open(folder, 1 << 20, ROOM);
    assertThat(waiting(spool, RecordStream.EVENTS)).isEqualTo(Spool.SEGMENTS_MAX);
    assertThat(spool.dropped()).containsEntry(RecordStream.EVENTS, 10L);
  }

  @Test
  void dropsTheOldestSamplesFirstWhenItIsFull() throws IOException {
    Spool spool = open(folder, 1, 64 * 1024);
    for (int i = 0; i < 100; i++) {
      spool.append(RecordStream.EVENTS, event("event " + i));
    }
    for (int i = 0; i < 200; i++) {
      spool.append(RecordStream.SAMPLES, sample(1000));
    }

    assertThat(spool.bytes()).isLessThanOrEqualTo(64 * 1024);
    assertThat(spool.dropped().get(RecordStream.SAMPLES)).isPositive();
    assertThat(spool.dropped().get(RecordStream.EVENTS)).isZero();
    long waiting = waiting(spool, RecordStream.SAMPLES);
    assertThat(waiting + spool.dropped().getOrDefault(RecordStream.SAMPLES, 0L)).isEqualTo(200);
    assertThat(sequences(spool, RecordStream.SAMPLES, Map.of()).getFirst())
        .isEqualTo(200 - waiting + 1);
  }

  @Test
  void refusesALessPreciousRecordRatherThanDropAMorePreciousOne() throws IOException {
    Spool spool = open(folder, 1, 16 * 1024);
    while (spool.bytes() < 15 * 1024) {
      spool.append(RecordStream.EVENTS, event("event"));
    }
    long before = waiting(spool, RecordStream.EVENTS);

    boolean kept = spool.append(RecordStream.SAMPLES, sample(3000));

    assertThat(kept).isFalse();
    assertThat(spool.waiting().get(RecordStream.EVENTS)).isEqualTo(before);
    assertThat(spool.dropped().get(RecordStream.SAMPLES)).isEqualTo(1);
  }

  @Test
  void dropsARecordThatNoBatchCouldHold() throws IOException {
    Spool spool = open(folder, 1, ROOM);

    assertThat(spool.append(RecordStream.SAMPLES, sample(300 * 1024))).isFalse();

    assertThat(spool.dropped().get(RecordStream.SAMPLES)).isEqualTo(1);
  }

  @Test
  void countsWhatTheDayHadNoRoomForAsDroppedAndRemembersIt() throws IOException {
    Spool spool = open(folder, 1, ROOM);
    spool.append(RecordStream.FEEDBACK, sample(10));
    spool.leaveOut(RecordStream.FEEDBACK);
    spool.leaveOut(RecordStream.EVENTS);

    Spool again = open(folder, 2, ROOM);
    assertThat(again.dropped().get(RecordStream.FEEDBACK)).isEqualTo(1);
    assertThat(again.dropped().get(RecordStream.EVENTS)).isEqualTo(1);
    assertThat(again.waiting().get(RecordStream.FEEDBACK)).isEqualTo(1);
  }

  @Test
  void keepsEveryBatchBelowItsLimit() throws IOException {
    Spool spool = open(folder, 1, 16 << 20);
    for (int i = 0; i < 400; i++) {
      spool.append(RecordStream.SAMPLES, sample(3000));
    }
    long after = 0;
    long received = 0;
    while (after < 400) {
      SpoolBatch batch = spool.next(RecordStream.SAMPLES, Map.of(1L, after)).orElseThrow();
      assertThat(batch.message().getSerializedSize())
          .isLessThanOrEqualTo(TelemetryRecords.BATCH_BYTES_MAX);
      received += batch.message().getRecordsCount();
      after = batch.last();
    }

    assertThat(received).isEqualTo(400);
  }

  @Test
  void tellsWhenTheOldestWaitingRecordWasMade() throws IOException {
    Spool spool = open(folder, 1, ROOM);
    assertThat(spool.oldestWaiting()).isEmpty();
    for (long second = 1; second <= 3; second++) {
      spool.append(
          RecordStream.EVENTS,
          TelemetryRecords.event(Instant.ofEpochSecond(second), "TEST", "", Map.of()));
    }
    spool.append(RecordStream.SAMPLES, sample(10));
    spool.committed(new CommittedRange(RecordStream.EVENTS, 1, 1));

    assertThat(spool.oldestWaiting()).contains(Instant.EPOCH);
    spool.committed(new CommittedRange(RecordStream.SAMPLES, 1, 1));
    assertThat(spool.oldestWaiting()).contains(Instant.ofEpochSecond(2));
    spool.committed(new CommittedRange(RecordStream.EVENTS, 1, 3));
    assertThat(spool.oldestWaiting()).isEmpty();
  }

  @Test
  void refusesAFolderOfALaterBoot() throws IOException {
    open(folder, 7, ROOM).append(RecordStream.EVENTS, event("a"));

    assertThatThrownBy(() -> open(folder, 7, ROOM)).isInstanceOf(IOException.class);
  }

  @Test
  void whatWasRefusedJustBeforeAKillIsCounted() throws IOException {
    Spool before = open(folder, 1, 4096);
    before.flush();
    long refused = 0;
    for (int i = 0; i < 7; i++) {
      refused += before.append(RecordStream.SAMPLES, sample(Spool.RECORD_BYTES_MAX)) ? 0 : 1;
    }
    assertThat(refused).isEqualTo(7);

    // No flush and no end: the process is gone.
    Spool after = open(folder, 2, 4096);

    assertThat(after.dropped()).isEqualTo(before.dropped());
    assertThat(after.dropped()).containsEntry(RecordStream.SAMPLES, 7L);
  }

  /** Events of one boot, of which the oldest made room; how many were counted as dropped. */
  private static long overflow(Spool spool) {
    for (int i = 0; i < 200; i++) {
      spool.append(RecordStream.EVENTS, event("x".repeat(100)));
    }
    return spool.dropped().getOrDefault(RecordStream.EVENTS, 0L);
  }

  @Test
  void whatWasStoredBeforeTheLinkEndedIsNotCountedAsDropped() throws IOException {
    Spool spool = open(folder, 1, 16384);
    long counted = overflow(spool);
    long floor =
        spool.next(RecordStream.EVENTS, Map.of()).orElseThrow().message().getFirstKept() - 1;
    assertThat(counted).isEqualTo(floor).isGreaterThan(20);

    spool.committed(settled(1, floor - 1, 3, false));
    assertThat(spool.dropped()).containsEntry(RecordStream.EVENTS, counted);
    spool.committed(settled(1, floor + 5, counted - 9, false));
    spool.committed(settled(1, floor + 5, counted - 9, false));

    assertThat(spool.dropped()).containsEntry(RecordStream.EVENTS, counted - 9);
    spool.close();
    assertThat(open(folder, 2, 16384).dropped()).containsEntry(RecordStream.EVENTS, counted - 9);
  }

  @Test
  void aBootOfWhichNothingIsLeftIsPutRightToo() throws IOException {
    long counted = overflow(open(folder, 1, 16384));
    Spool second = open(folder, 2, 16384);
    long all = overflow(second);
    assertThat(second.waiting()).containsKey(RecordStream.EVENTS);
    assertThat(second.next(RecordStream.EVENTS, Map.of()).orElseThrow().epoch()).isEqualTo(2);

    // The control plane knew 150 of the first boot, and had 12 of those that were dropped.
    second.committed(settled(1, 150, 138, true));

    assertThat(all).isGreaterThan(counted);
    assertThat(second.dropped()).containsEntry(RecordStream.EVENTS, all - 12);
  }

  @Test
  void nothingIsPutRightByAControlPlaneThatSaysNothing() throws IOException {
    Spool spool = open(folder, 1, 16384);
    long counted = overflow(spool);

    spool.committed(new CommittedRange(RecordStream.EVENTS, 1, 199));

    assertThat(spool.dropped()).containsEntry(RecordStream.EVENTS, counted);
  }

  private static CommittedRange settled(long epoch, long through, long givenUp, boolean ended) {
    return new CommittedRange(RecordStream.EVENTS, epoch, through, OptionalLong.of(givenUp), ended);
  }
}
