package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import org.junit.jupiter.api.Test;

/**
 * How a device's link tells that the device is there, and what the broker tells when it is gone.
 */
interface PresenceContract {
  TenantId TENANT = new TenantId("default");
  int LONG_WILL_DELAY = 60;

  Line line() throws Exception;

  FarEnd far(String device) throws Exception;

  /** A device's link at the end of a line, which connects. */
  PresentDevice device(String device, Line line, int willDelaySeconds) throws Exception;

  /** Whether the broker tells who is thrown off why. */
  default boolean saysWhyItEnds() {
    return true;
  }

  /** A device's link, and what it says of itself. */
  interface PresentDevice extends LinkClient {
    /** Waits for the next time. */
    void awaitConnect() throws InterruptedException;

    /** Waits until another one took its place. */
    void awaitTakenOver() throws InterruptedException;
  }

  private static DeviceStatus status(FarEnd far) throws Exception {
    return ProtocolCodec.decodeStatus(far.next());
  }

  private static String statusTopic(String device) {
    return Topics.device(TENANT, new DeviceId(device), Topics.STATUS);
  }

  @Test
  default void isToldGoneWhenItsConnectionIsLostForGood() throws Exception {
    try (FarEnd far = far("gone");
        Line line = line()) {
      far.subscribe(statusTopic("gone"));
      try (PresentDevice device = device("gone", line, 1)) {
        device.awaitConnect();
        DeviceStatus born = status(far);
        assertThat(born.online()).isTrue();
        assertThat(born.instance()).isEqualTo("instance");
        line.cut();

        assertThat(status(far).online()).isFalse();

        line.mend();
        device.awaitConnect();
        assertThat(status(far).online()).isTrue();
      }
    }
  }

  @Test
  default void hidesAShortDropFromEverybody() throws Exception {
    try (FarEnd far = far("short");
        Line line = line()) {
      far.subscribe(statusTopic("short"));
      try (PresentDevice device = device("short", line, LONG_WILL_DELAY)) {
        for (int round = 0; round < 3; round++) {
          device.awaitConnect();
          assertThat(status(far).online()).isTrue();
          line.cut();
          line.mend();
        }
        device.awaitConnect();
        assertThat(status(far).online()).isTrue();
      }
      assertThat(status(far).online()).as("says farewell").isFalse();
    }
  }

  @Test
  default void whoIsThrownOffKnowsItAndNobodyIsToldGone() throws Exception {
    try (FarEnd far = far("copied");
        Line line = line();
        Line other = line()) {
      far.subscribe(statusTopic("copied"));
      try (PresentDevice first = device("copied", line, LONG_WILL_DELAY)) {
        first.awaitConnect();
        assertThat(status(far).online()).isTrue();
        try (PresentDevice second = device("copied", other, LONG_WILL_DELAY)) {
          second.awaitConnect();
          if (saysWhyItEnds()) {
            first.awaitTakenOver();
          }
          assertThat(status(far).online()).isTrue();
        }
      }
    }
  }
}
