package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SequenceLedger;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UplinkTest {
  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceId DEVICE = new DeviceId("d1");
  private static final String FEEDBACK = Topics.records(TENANT, DEVICE, RecordStream.FEEDBACK);
  private static final String WINDOWS = Topics.records(TENANT, DEVICE, RecordStream.WINDOWS);
  private static final String EVENTS = Topics.records(TENANT, DEVICE, RecordStream.EVENTS);
  private static final String REPORTED = Topics.device(TENANT, DEVICE, Topics.REPORTED);
  private static final String COMMITTED = Topics.device(TENANT, DEVICE, Topics.COMMITTED);

  @TempDir Path folder;
  private final InMemoryLink link = new InMemoryLink();
  private final List<byte[]> desired = new ArrayList<>();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private Generation observed = Generation.NONE;
  private long dropped;
  private Spool spool;
  private Uplink uplink;

  @BeforeEach
  void open() throws IOException {
    spool = SpoolTest.open(folder, 1, 1 << 20);
    uplink = new Uplink(link, spool, TENANT, DEVICE, () -> now, desired::add, this::report);
    uplink.start();
  }

  private ReportedDocument report(long sequence) {
    return new ReportedDocument(
        TENANT,
        DEVICE,
        1,
        sequence,
        now,
        observed,
        Generation.NONE,
        List.of(),
        new DeviceFacts("x86-64", List.of(), 1, 0, List.of(), List.of(), ""),
        "test",
        Map.of(RecordStream.SAMPLES, dropped),
        DeviceHealth.UNKNOWN);
  }

  @Test
  void tellsOnceHowManyRecordsItsKeyDoesNotOpen() throws IOException {
    uplink.keep(RecordStream.SAMPLES, SpoolTest.event("a"));
    uplink.keep(RecordStream.SAMPLES, SpoolTest.event("b"));
    spool.close();
    Files.delete(folder.resolve("spool-key"));
    spool = SpoolTest.open(folder, 2, 1 << 20);
    Uplink after = new Uplink(link, spool, TENANT, DEVICE, () -> now, desired::add, this::report);
    link.connect();

    for (int i = 0; i < 4; i++) {
      now = now.plusSeconds(1);
      after.tick();
    }

    assertThat(
            link.published().stream()
                .filter(message -> message.topic().equals(EVENTS))
                .flatMap(message -> records(message.payload()).stream())
                .map(record -> record.getEvent().getCode() + " " + record.getEvent().getDetail()))
        .containsExactly(
            "SPOOL_KEY_LOST 2 records of stream 'samples' are lost: their spool key is gone, or of"
                + " another tenant");
  }

  private List<Long> sent() {
    return sent(EVENTS);
  }

  private List<Long> sent(String topic) {
    return link.published().stream()
        .filter(message -> message.topic().equals(topic))
        .flatMap(message -> records(message.payload()).stream())
        .map(Record::getSequence)
        .toList();
  }

  private static List<Record> records(ByteString payload) {
    try {
      return RecordBatch.parseFrom(payload).getRecordsList();
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private List<Long> reports() {
    return link.published().stream()
        .filter(message -> message.topic().equals(REPORTED))
        .map(
            message -> {
              try {
                return ProtocolCodec.decodeReported(message.payload().toByteArray()).sequence();
              } catch (MalformedDocumentException e) {
                throw new AssertionError(e);
              }
            })
        .toList();
  }

  private void keep(int events) {
    for (int i = 0; i < events; i++) {
      uplink.keep(RecordStream.EVENTS, SpoolTest.event("e" + i));
    }
  }

  @Test
  void sendsEachRecordOnceWhileItIsOnItsWay() {
    keep(2);
    uplink.tick();
    uplink.tick();

    assertThat(sent()).containsExactly(1L, 2L);
  }

  @Test
  void sendsAgainWhatIsNotCommittedAfterAReconnect() {
    keep(3);
    uplink.tick();
    link.commit(COMMITTED, new CommittedRange(RecordStream.EVENTS, 1, 2));
    link.cut();
    uplink.tick();
    link.connect();
    uplink.tick();

    assertThat(sent()).containsExactly(1L, 2L, 3L, 3L);
  }

  @Test
  void sendsAgainWhatIsNotCommittedAfterTenSeconds() {
    keep(1);
    uplink.tick();
    now = now.plus(Duration.ofSeconds(9));
    uplink.tick();
    assertThat(sent()).containsExactly(1L);

    now = now.plus(Duration.ofSeconds(1));
    uplink.tick();

    assertThat(sent()).containsExactly(1L, 1L);
  }

  @Test
  void sendsAgainLessAndLessOftenWhileNothingIsCommitted() {
    keep(1);
    for (int second = 0; second < 12 * 3600; second++) {
      uplink.tick();
      now = now.plusSeconds(1);
    }
    // 10, 20, 40 ... s apart, then 10 minutes.
    assertThat(sent()).hasSizeBetween(70, 80);

    link.commit(COMMITTED, new CommittedRange(RecordStream.EVENTS, 1, 1));
    keep(1);
    uplink.tick();
    now = now.plus(RecordSender.RESEND_AFTER);
    uplink.tick();

    assertThat(sent().stream().filter(sequence -> sequence == 2)).hasSize(2);
  }

  /** Nobody commits, and the line fails now and then: a budget is no budget otherwise. */
  @Test
  void sendsAgainNoMoreThanItsShareOfADaysBytes() {
    limitWindows(80_000);
    int first = 0;
    for (int record = 0; record < 300; record++) {
      uplink.keep(RecordStream.WINDOWS, SpoolTest.event("x".repeat(1000)));
    }
    for (int second = 0; second < 3 * 86_400; second += 10) {
      uplink.tick();
      if (first == 0) {
        first = bytes(WINDOWS);
      }
      if (second % 3600 == 0) {
        link.cut();
        link.connect();
      }
      now = now.plusSeconds(10);
    }

    int share = 80_000 / ResendAllowance.SHARE;
    // One that was not used before, three days', and one batch.
    assertThat(bytes(WINDOWS) - first).isBetween(2 * share, 4 * share + share / 4);
  }

  @Test
  void sendsTheRestOnceSomethingIsCommitted() {
    limitWindows(80_000);
    for (int record = 0; record < 300; record++) {
      uplink.keep(RecordStream.WINDOWS, SpoolTest.event("x".repeat(1000)));
    }
    uplink.tick();
    assertThat(sent(WINDOWS)).hasSize(300);
    link.cut();
    link.connect();
    uplink.tick();
    assertThat(sent(WINDOWS)).hasSizeBetween(301, 303);

    link.commit(COMMITTED, new CommittedRange(RecordStream.WINDOWS, 1, 1));
    uplink.tick();

    assertThat(sent(WINDOWS)).hasSizeGreaterThanOrEqualTo(2 * 299);
  }

  @Test
  void sendsARecordAgainThatIsLargerThanItsShare() {
    limitWindows(800);
    uplink.keep(RecordStream.WINDOWS, SpoolTest.event("x".repeat(1000)));
    for (int day = 0; day < 20; day++) {
      uplink.tick();
      now = now.plus(Duration.ofDays(1));
    }

    // Each takes the share of ten days.
    assertThat(sent(WINDOWS)).hasSize(1 + 2);
  }

  @Test
  void takesNoClockThatJumpsForADay() {
    ResendAllowance allowance = new ResendAllowance();
    assertThat(allowance.isOpen(8000, now)).isTrue();
    allowance.take(2000);

    assertThat(allowance.isOpen(8000, now.minus(Duration.ofDays(9)))).isFalse();
    assertThat(allowance.isOpen(8000, now.minus(Duration.ofDays(8)).plusSeconds(60))).isTrue();
    allowance.take(100_000);
    assertThat(allowance.isOpen(0, now)).isTrue();
  }

  /** The spool forgets how far an epoch is committed once it holds nothing of it. */
  @Test
  void sendsWhatIsNewAtOnceAfterAReconnectThoughNothingMayBeSentAgain() throws IOException {
    limitWindows(80);
    uplink.keep(RecordStream.WINDOWS, SpoolTest.event("w"));
    uplink.tick();
    link.cut();
    link.connect();
    uplink.tick();
    link.commit(COMMITTED, new CommittedRange(RecordStream.WINDOWS, 1, 1));
    for (int i = 0; i < 10; i++) {
      spool.flush();
    }
    link.cut();
    link.connect();
    uplink.keep(RecordStream.WINDOWS, SpoolTest.event("w"));
    uplink.tick();

    assertThat(sent(WINDOWS)).containsExactly(1L, 1L, 2L);
  }

  private void limitWindows(long bytesPerDay) {
    uplink =
        new Uplink(
            link,
            spool,
            TENANT,
            DEVICE,
            () -> now,
            () -> ReportCadence.DEFAULTS,
            stream -> stream == RecordStream.WINDOWS ? bytesPerDay : 0,
            desired::add,
            this::report);
    uplink.start();
  }

  private int bytes(String topic) {
    return link.published().stream()
        .filter(message -> message.topic().equals(topic))
        .mapToInt(message -> message.payload().size())
        .sum();
  }

  @Test
  void doesNotWaitForWhatAWrongClockCalledTomorrow() {
    keep(1);
    uplink.tick();
    now = now.minus(Duration.ofDays(365));
    uplink.tick();

    assertThat(sent()).containsExactly(1L, 1L);
    assertThat(reports()).hasSize(2);
  }

  @Test
  void keepsFewBatchesOnTheirWay() {
    for (int i = 0; i < 20; i++) {
      keep(1);
      uplink.tick();
    }
    assertThat(sent()).hasSize(RecordSender.IN_FLIGHT_MAX);

    link.commit(COMMITTED, new CommittedRange(RecordStream.EVENTS, 1, 8));
    uplink.tick();

    assertThat(sent()).hasSize(20);
  }

  /** The control plane may leave what it cannot seal on the device; the rest must get through. */
  @Test
  void sendsOtherStreamsWhileOneIsNotCommitted() {
    // Too large for two to go together.
    String large = "x".repeat(40_000);
    for (int i = 0; i < 2 * RecordSender.IN_FLIGHT_MAX; i++) {
      uplink.keep(RecordStream.FEEDBACK, SpoolTest.event(large));
    }
    uplink.tick();
    assertThat(sent(FEEDBACK)).hasSize(RecordSender.IN_FLIGHT_MAX);
    uplink.keep(RecordStream.WINDOWS, SpoolTest.event("w"));
    now = now.plus(RecordSender.RESEND_AFTER);
    uplink.tick();

    assertThat(sent(WINDOWS)).containsExactly(1L);
    assertThat(sent(FEEDBACK)).hasSize(RecordSender.IN_FLIGHT_MAX + 1).endsWith(1L);

    link.commit(COMMITTED, new CommittedRange(RecordStream.FEEDBACK, 1, 1));
    uplink.tick();
    assertThat(sent(FEEDBACK)).hasSizeGreaterThan(RecordSender.IN_FLIGHT_MAX + 2);
  }

  @Test
  void goesOnWhereALinkFailed() {
    keep(1);
    link.failAfter(0);
    uplink.tick();
    assertThat(sent()).isEmpty();

    link.connect();
    uplink.tick();

    assertThat(sent()).containsExactly(1L);
  }

  @Test
  void storesEverythingOnceWhateverTheLinkDoes() {
    Random random = new Random(3);
    SequenceLedger ledger = SequenceLedger.EMPTY;
    long stored = 0;
    int read = 0;
    for (int round = 0; round < 400 || stored < 300; round++) {
      assertThat(round).isLessThan(5000);
      if (round < 300) {
        keep(1);
      }
      switch (random.nextInt(6)) {
        case 0 -> link.cut();
        case 1 -> link.failAfter(random.nextInt(3));
        case 2 -> link.connect();
        default -> now = now.plusMillis(random.nextInt(4000));
      }
      uplink.tick();
      for (; read < link.published().size(); read++) {
        InMemoryLink.Published message = link.published().get(read);
        // One message in four is lost behind the broker's acknowledgement.
        if (!message.topic().equals(EVENTS) || random.nextInt(4) == 0) {
          continue;
        }
        for (Record record : records(message.payload())) {
          SequenceLedger.Step step = ledger.take(record.getSequence());
          ledger = step.after();
          stored += step.outcome() == SequenceLedger.Outcome.STORE ? 1 : 0;
        }
        if (ledger.through() > 0 && random.nextInt(3) > 0) {
          link.commit(COMMITTED, new CommittedRange(RecordStream.EVENTS, 1, ledger.through()));
        }
      }
    }

    assertThat(stored).isEqualTo(300);
    assertThat(ledger).isEqualTo(new SequenceLedger(300, List.of()));
  }

  @Test
  void reportsAtOnceWhatChangedAndCountersWithinFiveSeconds() {
    uplink.tick();
    uplink.tick();
    assertThat(reports()).containsExactly(1L);

    observed = new Generation(1, 1);
    uplink.tick();
    assertThat(reports()).containsExactly(1L, 2L);

    dropped = 9;
    uplink.tick();
    assertThat(reports()).hasSize(2);
    now = now.plusSeconds(5);
    uplink.tick();
    assertThat(reports()).containsExactly(1L, 2L, 3L);

    now = now.plusSeconds(30);
    uplink.tick();
    assertThat(reports()).hasSize(4);
  }

  @Test
  void reportsAgainAfterAReconnect() {
    uplink.tick();
    link.cut();
    link.connect();
    uplink.tick();

    assertThat(reports()).containsExactly(1L, 2L);
  }

  /** Whoever sends it does not know what became of it: a session may have ended with the report. */
  @Test
  void reportsAgainWhenTheSameOrderComesOnceMore() {
    String topic = Topics.device(TENANT, DEVICE, Topics.DESIRED);
    link.deliver(topic, new byte[] {1});
    observed = new Generation(1, 1);
    uplink.tick();
    uplink.tick();
    assertThat(reports()).as("what is retained comes with every connection").hasSize(1);

    link.deliver(topic, new byte[] {1});
    uplink.tick();
    uplink.tick();
    assertThat(reports()).containsExactly(1L, 2L);

    link.deliver(topic, new byte[] {2});
    observed = new Generation(1, 2);
    uplink.tick();
    uplink.tick();
    assertThat(reports()).as("of a new one once").containsExactly(1L, 2L, 3L);
  }

  /** An order that is refused comes every ten seconds, and nothing changes. */
  @Test
  void reportsEverLaterWhileTheSameOrderComesAgainAndAgain() {
    Duration day = Duration.ofDays(1);
    uplink =
        new Uplink(
            link,
            spool,
            TENANT,
            DEVICE,
            () -> now,
            () -> new ReportCadence(day, day),
            desired::add,
            this::report);
    uplink.start();
    String topic = Topics.device(TENANT, DEVICE, Topics.DESIRED);
    for (int i = 0; i < 360; i++) {
      link.deliver(topic, new byte[] {1});
      uplink.tick();
      now = now.plusSeconds(10);
    }
    assertThat(reports()).hasSizeBetween(5, 12);

    observed = new Generation(1, 1);
    uplink.tick();
    int before = reports().size();
    link.deliver(topic, new byte[] {1});
    uplink.tick();
    assertThat(reports()).as("at once after a change").hasSize(before + 1);
  }

  @Test
  void handsDesiredDocumentsOnAndSurvivesGarbage() {
    link.deliver(COMMITTED, new byte[] {9, 9, 9});
    link.deliver(Topics.device(TENANT, DEVICE, Topics.DESIRED), new byte[] {1});

    assertThat(desired).hasSize(1);
    assertThat(uplink.heardAt()).contains(now);
  }
}
