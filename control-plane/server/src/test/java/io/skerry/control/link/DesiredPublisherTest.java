package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.DsseSignature;
import io.skerry.control.device.DesiredOutbox;
import io.skerry.control.device.GenerationTerm;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.host.Addresses;
import io.skerry.control.host.ServerAddress;
import io.skerry.control.link.DesiredPublisher.Outcome;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.wire.fleet.v1.Envelope;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class DesiredPublisherTest {
  private static final int CHUNK = DesiredPublisher.CHUNK;
  private static final int UNDER_WAY_MAX = DesiredPublisher.UNDER_WAY_MAX * CHUNK;
  private static final int DEVICES = UNDER_WAY_MAX + 2 * CHUNK + CHUNK / 2;

  @TempDir static Path root;
  private static TestPlane plane;

  private final TestBroker broker = new TestBroker();
  private DesiredPublisher publisher;

  @BeforeAll
  static void start() throws IOException {
    plane = TestPlane.start(root);
    URI anywhere = URI.create("https://127.0.0.1:1");
    plane.bean(Addresses.class).open(new ServerAddress(anywhere, anywhere, "127.0.0.1", 1));
  }

  @AfterAll
  static void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void order() {
    publisher =
        new DesiredPublisher(
            plane.bean(DesiredOutbox.class),
            plane.bean(GenerationTerm.class),
            plane.bean(SigningKeys.class),
            () -> true,
            broker);
    sql("delete from device");
    sql(
        """
        insert into device (id, tenant, labels, facts, enrolled_at)
        select 'cam-' || n, 'default', '{}', '{}', now() from generate_series(1, ?) as n
        """,
        DEVICES);
    sql(
        "insert into desired (device, term, counter, issued_at) select id, 1, 1, now() from device");
    plane.bean(DesiredOutbox.class).queueAll();
  }

  /** Answers at once, unless told otherwise. */
  private static final class TestBroker implements DesiredPublisher.Broker {
    private final List<Envelope> taken = new ArrayList<>();
    private final Queue<CompletableFuture<Void>> unanswered = new ArrayDeque<>();
    private final CountDownLatch allSent = new CountDownLatch(DEVICES);
    private boolean silent;
    private int behind;
    private boolean gone;
    private int unansweredMost;
    private Runnable first = () -> {};

    @Override
    public synchronized CompletableFuture<Void> publish(
        String topic, byte[] payload, boolean retained) {
      assertThat(retained).isTrue();
      try {
        taken.add(Envelope.parseFrom(payload));
      } catch (InvalidProtocolBufferException e) {
        throw new AssertionError(e);
      }
      allSent.countDown();
      CompletableFuture<Void> answer = new CompletableFuture<>();
      unanswered.add(answer);
      unansweredMost = Math.max(unansweredMost, unanswered.size());
      if (taken.size() == 1) {
        first.run();
      }
      if (gone) {
        refuse();
      } else if (!silent) {
        answerAllBut(behind);
      }
      return answer;
    }

    synchronized int waiting() {
      return unanswered.size();
    }

    synchronized void answer() {
      answerAllBut(0);
    }

    private void answerAllBut(int newest) {
      while (unanswered.size() > newest) {
        unanswered.remove().complete(null);
      }
    }

    synchronized void refuse() {
      unanswered.forEach(one -> one.completeExceptionally(new IllegalStateException("no room")));
      unanswered.clear();
    }

    List<DesiredDocument> documents() {
      return taken.stream().map(TestBroker::document).toList();
    }

    private static DesiredDocument document(Envelope envelope) {
      try {
        return ProtocolCodec.decodeDesired(envelope.getPayload().toByteArray());
      } catch (MalformedDocumentException e) {
        throw new AssertionError(e);
      }
    }

    List<Long> countersOf(String device) {
      return documents().stream()
          .filter(document -> document.device().value().equals(device))
          .map(document -> document.generation().counter())
          .toList();
    }
  }

  /** Who is to end, or has lost the line, does not first publish all that waits. */
  @Test
  void readsNoFurtherOnceItDoesNotListen() {
    AtomicInteger asked = new AtomicInteger();
    DesiredPublisher ending =
        new DesiredPublisher(
            plane.bean(DesiredOutbox.class),
            plane.bean(GenerationTerm.class),
            plane.bean(SigningKeys.class),
            () -> asked.getAndIncrement() < 2,
            broker);

    assertThat(ending.publishWaiting()).isEqualTo(DesiredPublisher.Outcome.PUBLISHED);

    assertThat(broker.taken).hasSize(2 * CHUNK);
  }

  @Test
  void givesEveryDeviceItsSignedOrderOnce() {
    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.PUBLISHED);

    assertThat(broker.documents())
        .extracting(DesiredDocument::device)
        .doesNotHaveDuplicates()
        .hasSize(DEVICES);
    assertThat(broker.taken).allMatch(DesiredPublisherTest::isSigned);
    assertThat(waiting()).isZero();
    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.NOTHING);
  }

  private static boolean isSigned(Envelope wire) {
    DsseEnvelope envelope =
        new DsseEnvelope(
            wire.getPayloadType(),
            wire.getPayload().toByteArray(),
            List.of(
                new DsseSignature(
                    wire.getSignatures(0).getKeyId(),
                    wire.getSignatures(0).getSignature().toByteArray())));
    return Dsse.verify(
                envelope,
                DesiredDocument.PAYLOAD_TYPE,
                List.of(plane.bean(SigningKeys.class).director().verificationKey()))
            .length
        > 0;
  }

  @Test
  void readsOnWhileTheBrokerHasSomeOfWhatWasRead() throws Exception {
    broker.behind = CHUNK;

    CompletableFuture<Outcome> outcome =
        CompletableFuture.supplyAsync(publisher::publishWaiting, Thread::startVirtualThread);
    assertThat(broker.allSent.await(1, TimeUnit.MINUTES)).isTrue();
    while (!outcome.isDone()) {
      broker.answer();
    }

    assertThat(outcome.join()).isEqualTo(Outcome.PUBLISHED);
    assertThat(waiting()).isZero();
  }

  @Test
  void letsNoMoreThanAFewChunksWaitForTheBroker() throws Exception {
    broker.silent = true;

    CompletableFuture<Outcome> outcome =
        CompletableFuture.supplyAsync(publisher::publishWaiting, Thread::startVirtualThread);
    while (broker.waiting() < UNDER_WAY_MAX) {
      Thread.onSpinWait();
    }
    while (!outcome.isDone()) {
      broker.answer();
    }

    assertThat(outcome.join()).isEqualTo(Outcome.PUBLISHED);
    assertThat(broker.unansweredMost).isEqualTo(UNDER_WAY_MAX);
    assertThat(waiting()).isZero();
  }

  @Test
  void keepsADocumentThatTheBrokerRefusesAndPublishesTheOthers() {
    broker.first = broker::refuse;

    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.PUBLISHED);

    assertThat(broker.taken).hasSize(DEVICES);
    assertThat(waiting()).isEqualTo(1);
    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.PUBLISHED);
    assertThat(waiting()).isZero();
    assertThat(broker.countersOf(broker.documents().getFirst().device().value()))
        .containsExactly(1L, 1L);
  }

  @Test
  void stopsWhenTheBrokerTakesNothing() {
    broker.gone = true;

    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.FAILED);

    assertThat(broker.taken).as("until it was seen").hasSize(UNDER_WAY_MAX);
    assertThat(waiting()).isEqualTo(DEVICES);
    broker.gone = false;
    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.PUBLISHED);
    assertThat(waiting()).isZero();
  }

  /** As if the server died between the broker's answer and the outbox. */
  @Test
  void publishesAgainWhatWasNotTakenOutOfTheOutbox() {
    sql(
        """
        create function killed() returns trigger language plpgsql as
          $$ begin raise exception 'killed'; end $$
        """);
    sql("create trigger killer before delete on desired_outbox execute function killed()");
    try {
      assertThatThrownBy(publisher::publishWaiting)
          .isInstanceOf(CompletionException.class)
          .hasMessageContaining("killed");
    } finally {
      sql("drop trigger killer on desired_outbox");
      sql("drop function killed");
    }
    assertThat(waiting()).isEqualTo(DEVICES);
    int before = broker.taken.size();

    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.PUBLISHED);

    assertThat(waiting()).isZero();
    assertThat(broker.taken).hasSize(before + DEVICES);
  }

  @Test
  void publishesANewerOrderAfterTheOneThatIsOnItsWay() {
    String device = "cam-7";
    sql("delete from desired_outbox where device <> ?", device);
    broker.first =
        () -> {
          sql("update desired set counter = 2 where device = ?", device);
          sql(
              """
              update desired_outbox set counter = 2, queued_at = clock_timestamp()
              where device = ?
              """,
              device);
        };

    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.PUBLISHED);
    assertThat(waiting()).isEqualTo(1);
    assertThat(publisher.publishWaiting()).isEqualTo(Outcome.PUBLISHED);

    assertThat(broker.countersOf(device)).containsExactly(1L, 2L);
    assertThat(waiting()).isZero();
  }

  private static long waiting() {
    return plane
        .database()
        .<Long>call(transaction -> transaction.number("select count(*) from desired_outbox"));
  }

  private static void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
