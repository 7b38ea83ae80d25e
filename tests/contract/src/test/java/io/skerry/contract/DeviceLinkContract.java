package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.PahoLink;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;

/** The contract for the device's client, with what only a device has: its will, its certificate. */
abstract class DeviceLinkContract extends BrokerLinkContract implements PresenceContract {
  private static final long WAIT_SECONDS = 60;

  @Override
  LinkClient client(String device, int port) throws Exception {
    Device made = link(LOOPBACK, device, port, 30, authority().device(device)::context);
    made.awaitConnect();
    return made;
  }

  @Override
  public FarEnd far(String device) throws Exception {
    return new MqttFarEnd(broker().port(), "control", authority().control());
  }

  @Override
  public PresentDevice device(String device, Line line, int willDelaySeconds) throws Exception {
    return link(
        LOOPBACK,
        device,
        ((FaultyLine) line).port(),
        willDelaySeconds,
        authority().device(device)::context);
  }

  @Override
  String said(String device) {
    return Topics.device(TENANT, new DeviceId(device), "events");
  }

  @Override
  String heard(String device) {
    return Topics.device(TENANT, new DeviceId(device), Topics.DESIRED);
  }

  private Device link(
      String host, String device, int port, int willDelaySeconds, Supplier<SSLContext> newest) {
    DeviceLink link =
        new PahoLink(
            new LinkConfig(host, port, TENANT, new DeviceId(device), newest, 1, "instance")
                .with(
                    new LinkConfig.Timing(
                        Duration.ofMillis(20),
                        Duration.ofMillis(200),
                        Duration.ofMinutes(1),
                        PATIENCE,
                        Duration.ofSeconds(willDelaySeconds),
                        Duration.ofMinutes(10))),
            InstantSource.system(),
            RandomGenerator.getDefault(),
            Thread::startVirtualThread);
    Device made = new Device(link, said(device));
    link.start(made);
    return made;
  }

  private static final class Device implements PresentDevice, DeviceLink.Listener {
    private final DeviceLink link;
    private final String topic;
    private final BlockingQueue<Boolean> connects = new LinkedBlockingQueue<>();
    private final BlockingQueue<Boolean> takeovers = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();

    Device(DeviceLink link, String topic) {
      this.link = link;
      this.topic = topic;
    }

    @Override
    public void connected() {
      connects.add(true);
    }

    @Override
    public void received(String from, byte[] payload) {
      heard.add(new String(payload, StandardCharsets.UTF_8));
    }

    @Override
    public void takenOver() {
      takeovers.add(true);
    }

    @Override
    public void awaitConnect() throws InterruptedException {
      assertThat(connects.poll(WAIT_SECONDS, TimeUnit.SECONDS)).as("connects").isNotNull();
    }

    @Override
    public void awaitTakenOver() throws InterruptedException {
      assertThat(takeovers.poll(WAIT_SECONDS, TimeUnit.SECONDS)).as("taken over").isNotNull();
    }

    boolean hasConnected() {
      return !connects.isEmpty();
    }

    @Override
    public void publish(String payload) throws Exception {
      link.publish(topic, payload.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public boolean hears(String payload, Duration within) throws InterruptedException {
      return ControlLinkContract.isIn(heard, payload, within);
    }

    @Override
    public void close() {
      link.close();
    }
  }

  @Test
  void doesNotSpeakToABrokerUnderAnotherHostName() throws Exception {
    assertRefused(
        "localhost", "misled", authority().device("misled"), "No name matching localhost found");
  }

  @Test
  void doesNotSpeakToABrokerOfAnotherAuthority() throws Exception {
    assertRefused(
        LOOPBACK,
        "careful",
        authority().device("careful").trusting(new LinkAuthority()),
        "unable to find valid certification path");
  }

  @Test
  void isRefusedWithACertificateOfAnotherAuthority() throws Exception {
    assertRefused(
        LOOPBACK,
        "foreign",
        new LinkAuthority().device("foreign").trusting(authority()),
        "refuses this device's certificate: it has expired");
  }

  @Test
  void saysThatItsCertificateHasExpired() throws Exception {
    assertRefused(
        LOOPBACK,
        "stale",
        authority().expired("stale"),
        "refuses this device's certificate: it has expired");
  }

  /** Some attempts, none of which comes to a connection, and what is said about them. */
  private void assertRefused(
      String host, String device, LinkAuthority.Identity identity, String said) throws Exception {
    BlockingQueue<Boolean> attempts = new LinkedBlockingQueue<>();
    try (LinkLog log = new LinkLog();
        Device refused =
            link(
                host,
                device,
                broker().port(),
                30,
                () -> {
                  attempts.add(true);
                  return identity.context();
                })) {
      // A broker that goes away before its alert was read leaves only that it went away.
      log.await(said);
      for (int i = 0; i < 3; i++) {
        assertThat(attempts.poll(WAIT_SECONDS, TimeUnit.SECONDS)).as("attempts").isNotNull();
      }
      assertThat(refused.hasConnected()).isFalse();
    }
  }

  @Test
  void usesARenewedCertificateAtTheNextConnect() throws Exception {
    BlockingQueue<LinkAuthority.Identity> next = new LinkedBlockingQueue<>();
    LinkAuthority.Identity old = authority().expired("renewed");
    LinkAuthority.Identity renewed = authority().device("renewed");
    next.add(old);
    next.add(old);
    try (Device device =
        link(
            LOOPBACK,
            "renewed",
            broker().port(),
            30,
            () -> {
              LinkAuthority.Identity stored = next.poll();
              return (stored == null ? renewed : stored).context();
            })) {
      device.awaitConnect();
      device.publish("as usual");
    }
    assertThat(next).isEmpty();
  }
}
