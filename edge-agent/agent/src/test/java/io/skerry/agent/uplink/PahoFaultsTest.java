package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each known fault of Paho, and each way a broker can misbehave, against the link. */
@Tag("slow")
class PahoFaultsTest {
  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceId DEVICE = new DeviceId("d1");
  private static final String EVENTS = Topics.device(TENANT, DEVICE, "events");
  private static final String DESIRED = Topics.device(TENANT, DEVICE, Topics.DESIRED);
  private static final LinkConfig.Timing QUICK = timing(5, 20, 10_000, 20_000);
  private static final LinkConfig.Timing IMPATIENT = timing(5, 20, 1000, 20_000);
  private static final long WAIT_SECONDS = 180;

  private static LinkConfig.Timing timing(
      long baseMillis, long maxMillis, long patienceMillis, long takenOverMillis) {
    return new LinkConfig.Timing(
        Duration.ofMillis(baseMillis),
        Duration.ofMillis(maxMillis),
        Duration.ofMinutes(1),
        Duration.ofMillis(patienceMillis),
        Duration.ofSeconds(45),
        Duration.ofMillis(takenOverMillis));
  }

  private static final class Heard implements DeviceLink.Listener {
    private final BlockingQueue<String> connects = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> payloads = new LinkedBlockingQueue<>();
    private final AtomicInteger takeovers = new AtomicInteger();

    @Override
    public void connected() {
      connects.add("connected");
    }

    @Override
    public void received(String topic, byte[] payload) {
      payloads.add(new String(payload, StandardCharsets.UTF_8));
    }

    @Override
    public void takenOver() {
      takeovers.incrementAndGet();
    }

    void awaitConnect() throws InterruptedException {
      assertThat(connects.poll(WAIT_SECONDS, TimeUnit.SECONDS)).isNotNull();
    }
  }

  private static PahoLink link(int port, LinkConfig.Timing timing, Heard heard) {
    PahoLink link =
        new PahoLink(
            new LinkConfig(
                    "127.0.0.1", port, TENANT, DEVICE, () -> FakeBroker.BELIEVING, 1, "instance")
                .with(timing),
            InstantSource.system(),
            RandomGenerator.getDefault(),
            Thread::startVirtualThread);
    link.start(heard);
    return link;
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waited in vain").isLessThan(end);
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void publishesToABrokerWhoseLimitsAreAboveASignedShort() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome(0x21, 0xff, 0xff, 0x22, 0xff, 0xff);
              connection.behave();
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), QUICK, heard)) {
        heard.awaitConnect();
        for (int i = 0; i < 200; i++) {
          link.publish(EVENTS, bytes("event " + i));
        }
      }
      assertThat(broker.connects()).isEqualTo(1);
    }
  }

  @Test
  void pingsAsOftenAsTheBrokerOrdersAndKeepsALineThatAnswers() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome(0x13, 0, 3);
              connection.behave();
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), IMPATIENT, heard)) {
        heard.awaitConnect();
        await(() -> broker.pings() >= 2);
        link.publish(EVENTS, bytes("event"));
      }
      assertThat(broker.connects()).isEqualTo(1);
    }
  }

  @Test
  void leavesALineThatAnswersNoPing() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome(0x13, 0, 3);
              connection.ignore();
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), IMPATIENT, heard)) {
        heard.awaitConnect();
        heard.awaitConnect();
        heard.awaitConnect();
        assertThat(link.state()).isNotEqualTo(DeviceLink.State.CLOSED);
      }
    }
  }

  @Test
  void makesTheLineAnewWhenItMayBeQuietForAnotherTime() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome();
              connection.behave();
            })) {
      Heard heard = new Heard();
      AtomicReference<Duration> wished = new AtomicReference<>(Duration.ofSeconds(30));
      LinkConfig.Timing soonStable =
          new LinkConfig.Timing(
              QUICK.reconnectBase(),
              QUICK.reconnectMax(),
              Duration.ofMillis(1),
              QUICK.patience(),
              QUICK.willDelay(),
              QUICK.takenOverWait());
      try (PahoLink link =
          new PahoLink(
              new LinkConfig(
                      "127.0.0.1",
                      broker.port(),
                      TENANT,
                      DEVICE,
                      () -> FakeBroker.BELIEVING,
                      1,
                      "instance")
                  .with(wished::get)
                  .with(soonStable),
              () -> Instant.EPOCH,
              RandomGenerator.getDefault(),
              Thread::startVirtualThread)) {
        link.start(heard);
        heard.awaitConnect();
        wished.set(Duration.ofMinutes(30));
        heard.awaitConnect();
        link.publish(EVENTS, bytes("event"));
      }
      assertThat(broker.connects()).isEqualTo(2);
    }
  }

  @Test
  void publishesOneAfterAnotherToABrokerThatTakesOneAtATime() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome(0x21, 0, 1);
              connection.behave();
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), QUICK, heard)) {
        heard.awaitConnect();
        for (int i = 0; i < 2000; i++) {
          link.publish(EVENTS, bytes("event " + i));
        }
      }
      assertThat(broker.connects()).isEqualTo(1);
    }
  }

  @Test
  void getsTheNewestOfManyMessagesThatWaitAtSubscribe() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.expect(FakeBroker.CONNECT);
              connection.connack(0);
              FakeBroker.Packet subscribe = connection.expect(FakeBroker.SUBSCRIBE);
              for (int i = 1; i <= 2000; i++) {
                connection.publish(DESIRED, bytes("version " + i), i);
              }
              connection.suback(subscribe, 1, 1, 1);
              connection.behave();
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), QUICK, heard)) {
        heard.awaitConnect();
        link.publish(EVENTS, bytes("still works"));
        await(() -> heard.payloads.contains("version 2000"));
      }
      assertThat(broker.connects()).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"CONNACK", "SUBACK", "PUBACK"})
  void startsAnewWhenAnAnswerDoesNotCome(String answer) throws Exception {
    AtomicInteger rounds = new AtomicInteger();
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              if (rounds.incrementAndGet() > 3) {
                connection.welcome();
                connection.behave();
              }
              connection.expect(FakeBroker.CONNECT);
              if (!answer.equals("CONNACK")) {
                connection.connack(0);
                FakeBroker.Packet subscribe = connection.expect(FakeBroker.SUBSCRIBE);
                if (!answer.equals("SUBACK")) {
                  connection.suback(subscribe, 1, 1, 1);
                }
              }
              while (true) {
                connection.read();
              }
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), IMPATIENT, heard)) {
        heard.awaitConnect();
        link.publish(EVENTS, bytes("event"));
      }
      assertThat(broker.connects()).isGreaterThanOrEqualTo(4);
    }
  }

  @Test
  void leavesAConnectionOnWhichPublishesAreNotAcknowledged() throws Exception {
    AtomicInteger rounds = new AtomicInteger();
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome();
              if (rounds.incrementAndGet() > 1) {
                connection.behave();
              }
              while (true) {
                connection.read();
              }
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), IMPATIENT, heard)) {
        heard.awaitConnect();
        long before = System.nanoTime();
        assertThatThrownBy(() -> link.publish(EVENTS, bytes("event")))
            .isInstanceOf(LinkException.class);
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(10));

        heard.awaitConnect();
        link.publish(EVENTS, bytes("event"));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0x80, 0x87, 0x97})
  void takesARefusedMessageForRefused(int reason) throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome();
              connection.puback(connection.expect(FakeBroker.PUBLISH), reason);
              connection.behave();
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), QUICK, heard)) {
        heard.awaitConnect();
        assertThatThrownBy(() -> link.publish(EVENTS, bytes("refused")))
            .isInstanceOf(LinkException.class);
        link.publish(EVENTS, bytes("taken"));
      }
      assertThat(broker.connects()).isEqualTo(1);
    }
  }

  @Test
  void isNotConnectedWithoutItsSubscriptions() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.expect(FakeBroker.CONNECT);
              connection.connack(0);
              connection.suback(connection.expect(FakeBroker.SUBSCRIBE), 1, 0x87, 1);
              connection.behave();
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), QUICK, heard)) {
        await(() -> broker.connects() > 3);
        assertThat(heard.connects).isEmpty();
        assertThat(link.state()).isNotEqualTo(DeviceLink.State.CONNECTED);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void takesNoMemoryForAPacketThatIsTooLarge(int lengthBytes) throws Exception {
    AtomicInteger rounds = new AtomicInteger();
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome();
              if (rounds.incrementAndGet() == 1) {
                connection.claim(0x32, Math.max(3, lengthBytes));
              }
              connection.behave();
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), QUICK, heard)) {
        heard.awaitConnect();
        heard.awaitConnect();
        link.publish(EVENTS, bytes("event"));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0x88, 0x89, 0x97, 0x9C, 0x9F})
  void leavesABrokerAloneThatSaysItHasTooMuchToDo(int reason) throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.expect(FakeBroker.CONNECT);
              connection.connack(reason);
            })) {
      try (PahoLink link = link(broker.port(), timing(1, 600, 10_000, 20_000), new Heard())) {
        await(() -> broker.connects() >= 3);
        assertThat(link.state()).isNotEqualTo(DeviceLink.State.CONNECTED);
      }
      List<Long> at = broker.connectNanos();
      assertThat(Duration.ofNanos(at.get(2) - at.get(0))).isGreaterThan(Duration.ofMillis(580));
    }
  }

  @Test
  void waitsLongerEachTimeForABrokerThatAcceptsAndThenThrowsOut() throws Exception {
    try (FakeBroker broker = new FakeBroker(FakeBroker.Connection::welcome)) {
      RandomGenerator longest =
          new RandomGenerator() {
            @Override
            public long nextLong() {
              return 0;
            }

            @Override
            public long nextLong(long bound) {
              return bound - 1;
            }
          };
      try (PahoLink link =
          new PahoLink(
              new LinkConfig(
                      "127.0.0.1",
                      broker.port(),
                      TENANT,
                      DEVICE,
                      () -> FakeBroker.BELIEVING,
                      1,
                      "instance")
                  .with(timing(20, 10_000, 5000, 20_000)),
              InstantSource.system(),
              longest,
              Thread::startVirtualThread)) {
        link.start(new Heard());
        await(() -> broker.connects() == 6);
      }
      List<Long> at = broker.connectNanos();
      for (int i = 0; i < 5; i++) {
        assertThat(Duration.ofNanos(at.get(i + 1) - at.get(i)))
            .isGreaterThanOrEqualTo(Duration.ofMillis(20L << i));
      }
    }
  }

  @Test
  void doesNotFightForItsSession() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome();
              connection.send(FakeBroker.DISCONNECT << 4, 0x8E, 0);
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), timing(1, 2, 10_000, 600_000), heard)) {
        await(() -> heard.takeovers.get() == 1);
        assertThat(link.state()).isEqualTo(DeviceLink.State.TAKEN_OVER);
        assertThatThrownBy(() -> link.publish(EVENTS, bytes("event")))
            .isInstanceOf(LinkException.class);
        TimeUnit.MILLISECONDS.sleep(200);
        assertThat(broker.connects()).isEqualTo(1);
      }
    }
  }

  @Test
  void comesBackAfterALongWaitWhenItsSessionWasTakenOver() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              connection.welcome();
              connection.send(FakeBroker.DISCONNECT << 4, 0x8E, 0);
            })) {
      Heard heard = new Heard();
      try (PahoLink link = link(broker.port(), timing(1, 2, 10_000, 500), heard)) {
        await(() -> heard.takeovers.get() == 2);
        assertThat(link.state()).isNotEqualTo(DeviceLink.State.CLOSED);
      }
      List<Long> at = broker.connectNanos();
      assertThat(Duration.ofNanos(at.get(1) - at.get(0))).isGreaterThan(Duration.ofMillis(250));
    }
  }

  @Test
  void leavesNoThreadBehindOver300FailingConnects() throws Exception {
    List<FakeBroker.Script> failures =
        List.of(
            connection -> connection.expect(FakeBroker.CONNECT),
            connection -> {
              connection.expect(FakeBroker.CONNECT);
              connection.connack(0x87);
            },
            FakeBroker.Connection::welcome,
            connection -> {
              connection.expect(FakeBroker.CONNECT);
              connection.read();
            });
    AtomicInteger rounds = new AtomicInteger();
    try (FakeBroker broker =
        new FakeBroker(
            connection ->
                failures.get(rounds.getAndIncrement() % failures.size()).serve(connection))) {
      int before = pahoThreads();
      List<PahoLink> links = new ArrayList<>();
      try {
        // Most of a failing connect is waiting: several at a time.
        for (int i = 0; i < 6; i++) {
          links.add(link(broker.port(), timing(1, 2, 150, 20_000), new Heard()));
        }
        await(() -> broker.connects() > 300);
        assertThat(links).noneMatch(link -> link.state() == DeviceLink.State.CLOSED);
      } finally {
        links.forEach(PahoLink::close);
      }
      await(() -> pahoThreads() <= before);
    }
  }

  @Test
  void leavesNoThreadBehindWhereNobodyListens() throws Exception {
    int port;
    try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = closed.getLocalPort();
    }
    int before = pahoThreads();
    AtomicInteger attempts = new AtomicInteger();
    RandomGenerator counting =
        new RandomGenerator() {
          @Override
          public long nextLong() {
            attempts.incrementAndGet();
            return 0;
          }
        };
    try (PahoLink link =
        new PahoLink(
            new LinkConfig(
                    "127.0.0.1", port, TENANT, DEVICE, () -> FakeBroker.BELIEVING, 1, "instance")
                .with(QUICK),
            InstantSource.system(),
            counting,
            Thread::startVirtualThread)) {
      link.start(new Heard());
      await(() -> attempts.get() > 300);
    }
    await(() -> pahoThreads() <= before);
  }

  // Paho renames the threads it is given after what they do.
  private static int pahoThreads() {
    return (int)
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().toLowerCase(Locale.ROOT).startsWith("mqtt"))
            .count();
  }

  @Test
  void closesWhileItConnects() throws Exception {
    try (FakeBroker broker =
        new FakeBroker(
            connection -> {
              while (true) {
                connection.read();
              }
            })) {
      int threads = pahoThreads();
      PahoLink link = link(broker.port(), timing(5, 20, 60_000, 20_000), new Heard());
      await(() -> broker.connects() == 1);
      long before = System.nanoTime();
      link.close();
      await(() -> pahoThreads() <= threads);

      assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(20));
      assertThat(link.state()).isEqualTo(DeviceLink.State.CLOSED);
    }
  }

  @Test
  void readsAPacketHoweverItIsCut() throws IOException {
    byte[] stream = new byte[3 + 200 + 2];
    stream[0] = 0x30;
    stream[1] = (byte) (200 | 0x80);
    stream[2] = 1;
    IntStream.range(0, 200).forEach(i -> stream[3 + i] = (byte) i);
    stream[203] = (byte) 0xd0;
    for (int cut = 1; cut < 7; cut++) {
      InboundGuard guard =
          new InboundGuard(new java.io.ByteArrayInputStream(stream), new Greeting(), () -> {});
      java.io.ByteArrayOutputStream read = new java.io.ByteArrayOutputStream();
      byte[] part = new byte[cut];
      for (int count = guard.read(part); count > 0; count = guard.read(part)) {
        read.write(part, 0, count);
      }
      assertThat(read.toByteArray()).isEqualTo(stream);
    }
  }
}
