package io.skerry.contract;

import io.skerry.control.link.ControlLink;
import io.skerry.control.link.ControlLinks;
import io.skerry.control.link.InboundMessage;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The contract for the control plane's client. */
abstract class ControlLinkContract extends BrokerLinkContract {
  private static final TenantId TENANT = new TenantId("default");
  private static final long WAIT_SECONDS = 60;

  @Override
  LinkClient client(String device, int port) throws Exception {
    ControlLink link = ControlLinks.with(authority().control().config(), PATIENCE);
    link.connect(LOOPBACK, port);
    return new Control(link, new DeviceId(device), said(device));
  }

  @Override
  public FarEnd far(String device) throws Exception {
    return new MqttFarEnd(broker().port(), TENANT + "/" + device, authority().device(device));
  }

  @Override
  String said(String device) {
    return Topics.device(TENANT, new DeviceId(device), Topics.COMMITTED);
  }

  @Override
  String heard(String device) {
    return Topics.device(TENANT, new DeviceId(device), Topics.STATUS);
  }

  private static final class Control implements LinkClient {
    private final ControlLink link;
    private final DeviceId device;
    private final String topic;
    private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    private final Thread taking;

    Control(ControlLink link, DeviceId device, String topic) {
      this.link = link;
      this.device = device;
      this.topic = topic;
      this.taking = Thread.startVirtualThread(this::take);
    }

    private void take() {
      try {
        while (!Thread.currentThread().isInterrupted()) {
          for (InboundMessage message : link.take(100, Duration.ofMillis(10))) {
            message.acknowledge().run();
            if (message.topic().device().equals(device)) {
              heard.add(message.payload().toStringUtf8());
            }
          }
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public void publish(String payload) throws Exception {
      link.publish(topic, payload.getBytes(StandardCharsets.UTF_8), false)
          .get(WAIT_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public boolean hears(String payload, Duration within) throws InterruptedException {
      return isIn(heard, payload, within);
    }

    @Override
    public void close() {
      taking.interrupt();
      link.close();
    }
  }

  /** Waits for the payload, past any others. */
  static boolean isIn(BlockingQueue<String> heard, String payload, Duration within)
      throws InterruptedException {
    String next = "";
    while (next != null && !next.equals(payload)) {
      next = heard.poll(within.toMillis(), TimeUnit.MILLISECONDS);
    }
    return next != null;
  }
}
