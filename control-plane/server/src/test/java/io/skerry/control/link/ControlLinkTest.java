package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.TestPlane;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Tag("slow")
@Execution(ExecutionMode.CONCURRENT)
class ControlLinkTest {
  private static final Duration CALL_WAIT = Duration.ofSeconds(2);
  private static final String EVENTS = "skerry/v1/default/devices/cam-1/events";
  private static final String DESIRED = "skerry/v1/default/devices/cam-1/desired";
  private static final String COMMITTED = "skerry/v1/default/devices/cam-1/committed";

  @TempDir Path root;
  private final AtomicInteger forgotten = new AtomicInteger();

  @Test
  void hearsDevicesAgainWhenTheBrokerComesBackEmpty() throws Exception {
    TestAuthority authority = new TestAuthority();
    int port;
    try (ControlLink link =
        new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
      try (RunningBroker broker = broker(0, authority)) {
        port = broker.port();
        link.connect("127.0.0.1", port);
        send(broker, "first");
        assertThat(taken(link)).containsExactly("first");
        assertThat(forgotten).as("a broker that knows nobody").hasValue(1);
      }
      await(() -> !link.isListening());
      assertThatThrownBy(() -> link.publish(COMMITTED, new byte[1], false).get())
          .hasMessageContaining("no connection");

      try (RunningBroker broker = broker(port, authority)) {
        await(link::isListening);
        assertThat(forgotten).as("presence that the broker lost").hasValue(2);
        send(broker, "second");
        assertThat(taken(link)).containsExactly("second");
      }
    }
  }

  @Test
  void getsAgainWhatItHadNotAcknowledgedWhenTheConnectionBroke() throws Exception {
    try (RunningBroker broker = broker(0, new TestAuthority());
        Proxy proxy = new Proxy(broker.port());
        ControlLink link =
            new ControlLink(
                broker.authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
      link.connect("127.0.0.1", proxy.port());
      send(broker, "kept");
      InboundMessage first = link.take(1, Duration.ofSeconds(1)).getFirst();
      assertThat(first.payload().toStringUtf8()).isEqualTo("kept");

      assertThat(first.isVoid().getAsBoolean()).isFalse();

      proxy.cut();

      assertThat(taken(link)).containsExactly("kept");
      assertThat(first.isVoid().getAsBoolean()).as("it came again").isTrue();
      // The late acknowledgement of the first delivery harms nobody.
      first.acknowledge().run();
      send(broker, "next");
      assertThat(taken(link)).containsExactly("next");
      assertThat(forgotten).as("the session was kept").hasValue(1);
    }
  }

  @Test
  void hearsOnAfterAConnectionEndedWithMessagesThatNobodyHadTaken() throws Exception {
    try (RunningBroker broker = broker(0, new TestAuthority());
        Proxy proxy = new Proxy(broker.port());
        ControlLink link =
            new ControlLink(
                broker.authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
      link.connect("127.0.0.1", proxy.port());
      send(broker, "waiting");
      await(() -> link.waiting() == 1);

      // So that it cannot come again before it was dropped.
      proxy.swallow(true);
      proxy.cut();
      await(() -> link.waiting() == 0);
      proxy.swallow(false);
      proxy.cut();

      assertThat(taken(link)).containsExactly("waiting");
      for (int i = 0; i < 3; i++) {
        send(broker, "next " + i);
        assertThat(taken(link)).containsExactly("next " + i);
      }
    }
  }

  @Test
  void failsAPublishThatTheBrokerDoesNotAcknowledgeAndBoundsHowManyWait() throws Exception {
    try (RunningBroker broker = broker(0, new TestAuthority());
        Proxy proxy = new Proxy(broker.port());
        ControlLink link =
            new ControlLink(
                broker.authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
      link.connect("127.0.0.1", proxy.port());
      proxy.swallow(true);

      List<CompletableFuture<Void>> sent = new ArrayList<>();
      for (int i = 0; i < ControlLink.OUTBOX_MAX; i++) {
        sent.add(link.publish(COMMITTED, new byte[1], false));
      }
      assertThatThrownBy(() -> link.publish(COMMITTED, new byte[1], false).get())
          .hasMessageContaining("4000 messages wait");
      assertThatThrownBy(() -> sent.getFirst().get(20, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(TimeoutException.class);

      // A new connection brings them through, and makes room.
      proxy.swallow(false);
      proxy.cut();
      await(
          () -> {
            CompletableFuture<Void> once = link.publish(COMMITTED, new byte[1], false);
            return once.handle((done, failure) -> failure == null).join();
          });
    }
  }

  @Test
  void saysThatNobodyAnswers() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        ControlLink link =
            new ControlLink(
                new TestAuthority().control().tls(), Duration.ofMillis(300), () -> {})) {
      assertThatThrownBy(() -> link.connect("127.0.0.1", silent.getLocalPort()))
          .isInstanceOf(StartException.class)
          .hasMessageContaining("does not answer");
    }
  }

  @Test
  void goesOnAskingAnOutsideBrokerThatIsNotThereYet() throws Exception {
    TestAuthority authority = new TestAuthority();
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    try (TestPlane plane = TestPlane.start(root.resolve("plane"));
        ControlLink link =
            new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
      link.keepConnecting("127.0.0.1", port, new LinkLease(plane.database()));
      assertThat(link.isListening()).isFalse();

      try (RunningBroker broker = broker(port, authority)) {
        await(link::isListening);
        send(broker, "heard");
        assertThat(taken(link)).containsExactly("heard");
      }
    }
  }

  @Test
  void leavesTheBrokerToTheServerThatHasTheLease() throws Exception {
    TestAuthority authority = new TestAuthority();
    try (TestPlane plane = TestPlane.start(root.resolve("plane"));
        RunningBroker broker = broker(0, authority);
        ControlLink second =
            new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
      try (ControlLink first =
          new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
        first.keepConnecting("127.0.0.1", broker.port(), new LinkLease(plane.database()));
        await(first::isListening);
        second.keepConnecting("127.0.0.1", broker.port(), new LinkLease(plane.database()));

        leased(plane, "another", "10 seconds");
        await(() -> !first.isListening());
        send(broker, "while nobody listened");
        leased(plane, "nobody", "-1 second");
        await(() -> first.isListening() || second.isListening());
        assertThat(first.isListening() && second.isListening()).isFalse();
        assertThat(taken(first.isListening() ? first : second))
            .containsExactly("while nobody listened");
      }

      // It gave the lease back, if it had it: nobody waits until it runs out.
      await(second::isListening);
      send(broker, "next");
      assertThat(taken(second)).containsExactly("next");
      assertThat(forgotten).as("the session was kept").hasValue(1);
    }
  }

  @Test
  void hearsDevicesAgainAfterAnotherServerHadTheSessionForLong() throws Exception {
    TestAuthority authority = new TestAuthority();
    try (TestPlane plane = TestPlane.start(root.resolve("plane"));
        RunningBroker broker = broker(0, authority);
        ControlLink first =
            new ControlLink(
                authority.control().tls(),
                CALL_WAIT,
                Duration.ofSeconds(1),
                forgotten::incrementAndGet)) {
      first.keepConnecting("127.0.0.1", broker.port(), new LinkLease(plane.database()));
      await(first::isListening);

      // Longer than the first one's own session.
      leased(plane, "another", "6 seconds");
      try (ControlLink second =
          new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
        second.connect("127.0.0.1", broker.port());
        await(() -> !first.isListening());
      }

      await(first::isListening);
      send(broker, "heard");
      assertThat(taken(first)).containsExactly("heard");
    }
  }

  @Test
  void leavesItsTurnToAServerThatReachesTheBroker() throws Exception {
    AtomicLong nanos = new AtomicLong();
    TestAuthority authority = new TestAuthority();
    try (TestPlane plane = TestPlane.start(root.resolve("plane"));
        RunningBroker broker = broker(0, authority);
        ControlLink first =
            new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet);
        ControlLink second =
            new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
      try (Proxy line = new Proxy(broker.port())) {
        LinkLease lease = new LinkLease(plane.database(), nanos::get);
        first.keepConnecting("127.0.0.1", line.port(), lease);
        await(first::isListening);
        second.keepConnecting("127.0.0.1", broker.port(), new LinkLease(plane.database()));
      }
      await(() -> !first.isListening());
      nanos.set(LinkLease.DEAF_MAX.toNanos() + 1);

      await(second::isListening);
      send(broker, "heard");
      assertThat(taken(second)).containsExactly("heard");
      assertThat(forgotten).as("the session was kept").hasValue(1);
    }
  }

  @Test
  void doesNotSendItsOldOrdersAfterAnotherServersNewer() throws Exception {
    TestAuthority authority = new TestAuthority();
    try (TestPlane plane = TestPlane.start(root.resolve("plane"));
        RunningBroker broker = broker(0, authority);
        Proxy proxy = new Proxy(broker.port());
        ControlLink first =
            new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
      first.keepConnecting("127.0.0.1", proxy.port(), new LinkLease(plane.database()));
      await(first::isListening);
      proxy.swallow(true);
      CompletableFuture<Void> old = first.publish(DESIRED, utf8("old"), true);
      assertThatThrownBy(() -> old.get(20, TimeUnit.SECONDS))
          .hasCauseInstanceOf(TimeoutException.class);
      leased(plane, "another", "1 day");
      await(() -> !first.isListening());
      proxy.swallow(false);
      proxy.cut();
      try (ControlLink second =
          new ControlLink(authority.control().tls(), CALL_WAIT, forgotten::incrementAndGet)) {
        second.connect("127.0.0.1", broker.port());
        second.publish(DESIRED, utf8("new"), true).get(20, TimeUnit.SECONDS);
      }
      leased(plane, "nobody", "-1 second");
      await(first::isListening);

      Mqtt5BlockingClient device = broker.device("cam-1");
      try (Mqtt5BlockingClient.Mqtt5Publishes heard =
          device.publishes(MqttGlobalPublishFilter.ALL)) {
        device.connect();
        device.subscribeWith().topicFilter(DESIRED).qos(MqttQos.AT_LEAST_ONCE).send();
        assertThat(heard.receive(20, TimeUnit.SECONDS).orElseThrow().getPayloadAsBytes())
            .isEqualTo(utf8("new"));
        device.disconnect();
      }
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void leased(TestPlane plane, String holder, String until) {
    plane
        .database()
        .run(
            transaction ->
                transaction.update(
                    "update link_lease set holder = ?, until = now() + ?::interval",
                    holder,
                    until));
  }

  @Test
  void doesNotSpeakToABrokerOfAnotherAuthority() throws Exception {
    try (RunningBroker broker = broker(0, new TestAuthority());
        ControlLink link =
            new ControlLink(
                new TestAuthority().control().tls(), Duration.ofMillis(500), () -> {})) {
      assertThatThrownBy(() -> link.connect("127.0.0.1", broker.port()))
          .isInstanceOf(StartException.class);
    }
  }

  private RunningBroker broker(int port, TestAuthority authority) {
    return new RunningBroker(
        root,
        port,
        BrokerConfig.DEFAULTS,
        authority,
        RunningBroker.rules(new RunningBroker.Known(), BrokerConfig.DEFAULTS));
  }

  private static void send(RunningBroker broker, String payload) {
    Mqtt5BlockingClient device = broker.device("cam-1");
    device.connect();
    device.publishWith().topic(EVENTS).qos(MqttQos.AT_LEAST_ONCE).payload(utf8(payload)).send();
    device.disconnect();
  }

  /** What came within half a minute, acknowledged; waits for the first only. */
  private static List<String> taken(ControlLink link) throws InterruptedException {
    for (int i = 0; i < 30; i++) {
      List<InboundMessage> messages = link.take(10, Duration.ofMillis(200));
      if (!messages.isEmpty()) {
        messages.forEach(message -> message.acknowledge().run());
        return messages.stream().map(message -> message.payload().toStringUtf8()).toList();
      }
    }
    return List.of();
  }

  private interface Condition {
    boolean holds();
  }

  private static void await(Condition condition) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as("waited for a minute").isLessThan(end);
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }
}
