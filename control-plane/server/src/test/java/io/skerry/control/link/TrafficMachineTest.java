package io.skerry.control.link;

import static io.skerry.control.link.TrafficMachine.Answer.ALLOWED;
import static io.skerry.control.link.TrafficMachine.Answer.FLOOD;
import static io.skerry.control.link.TrafficMachine.Answer.TOO_MUCH;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrafficMachineTest {
  private static final DeviceLimits LIMITS = new DeviceLimits(10, 20, 1_000, 300_000, 5, 60, 3);
  private static final long SECOND = 1_000_000_000L;

  private long now = 7;
  private final DeviceTraffic traffic = new DeviceTraffic(LIMITS, () -> now);

  @Test
  void letsABurstThroughThenTheRate() {
    for (int i = 0; i < 20; i++) {
      assertThat(traffic.publish("a", 1)).isEqualTo(ALLOWED);
    }
    assertThat(traffic.publish("a", 1)).isEqualTo(TOO_MUCH);

    now += SECOND;
    for (int i = 0; i < 10; i++) {
      assertThat(traffic.publish("a", 1)).isEqualTo(ALLOWED);
    }
    assertThat(traffic.publish("a", 1)).isEqualTo(TOO_MUCH);
  }

  @Test
  void countsBytesToo() {
    assertThat(traffic.publish("a", 299_000)).isEqualTo(ALLOWED);
    assertThat(traffic.publish("a", 2_000)).isEqualTo(TOO_MUCH);

    now += SECOND;
    assertThat(traffic.publish("a", 2_000)).isEqualTo(ALLOWED);
  }

  @Test
  void callsItAFloodAfterManyRefusals() {
    for (int i = 0; i < 20; i++) {
      traffic.publish("a", 1);
    }
    for (int i = 0; i < 5; i++) {
      assertThat(traffic.publish("a", 1)).isEqualTo(TOO_MUCH);
    }
    assertThat(traffic.publish("a", 1)).isEqualTo(FLOOD);
  }

  @Test
  void forgivesRefusalsWithTime() {
    for (int i = 0; i < 26; i++) {
      traffic.publish("a", 1);
    }
    now += 60 * SECOND;
    for (int i = 0; i < 20; i++) {
      traffic.publish("a", 1);
    }

    assertThat(traffic.publish("a", 1)).isEqualTo(TOO_MUCH);
  }

  @Test
  void keepsDevicesApart() {
    for (int i = 0; i < 30; i++) {
      traffic.publish("a", 1);
    }

    assertThat(traffic.publish("b", 1)).isEqualTo(ALLOWED);
  }

  @Test
  void boundsConnects() {
    for (int i = 0; i < 3; i++) {
      assertThat(traffic.connect("a")).isEqualTo(ALLOWED);
    }
    assertThat(traffic.connect("a")).isEqualTo(TOO_MUCH);

    now += SECOND;
    assertThat(traffic.connect("a")).isEqualTo(ALLOWED);
    assertThat(traffic.connect("a")).isEqualTo(TOO_MUCH);
  }

  @Test
  void standsAClockThatStepsBack() {
    traffic.publish("a", 1);
    now -= 5 * SECOND;

    for (int i = 0; i < 19; i++) {
      assertThat(traffic.publish("a", 1)).isEqualTo(ALLOWED);
    }
    assertThat(traffic.publish("a", 1)).isEqualTo(TOO_MUCH);
  }

  @Test
  void forgetsTheDeviceHeardOfLongestAgo() {
    for (int i = 0; i < 30; i++) {
      traffic.publish("first", 1);
    }
    for (int i = 0; i < DeviceTraffic.DEVICES_MAX; i++) {
      traffic.publish("d" + i, 1);
    }

    assertThat(traffic.devices()).isEqualTo(DeviceTraffic.DEVICES_MAX);
    assertThat(traffic.publish("first", 1)).isEqualTo(ALLOWED);
  }

  /** A week of 5 s windows of 2 KiB each, 128 in a batch, sent as fast as 100 Mbit/s allow. */
  @Test
  void letsTheSpoolOfAWeekThrough() {
    DeviceTraffic generous = new DeviceTraffic(DeviceLimits.DEFAULTS, () -> now);
    int batchBytes = 128 * 2048;
    long batches = Duration.ofDays(7).toSeconds() / 5 / 128;

    for (long i = 0; i < batches; i++) {
      assertThat(generous.publish("a", batchBytes)).isEqualTo(ALLOWED);
      now += batchBytes * 8L * SECOND / 100_000_000;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1, 1, 262144, 1, 1, 1, messages-per-second",
    "1, 0, 1, 262144, 1, 1, 1, messages-burst",
    "1, 1, 0, 262144, 1, 1, 1, bytes-per-second",
    "1, 1, 1, 262143, 1, 1, 1, bytes-burst",
    "1, 1, 1, 262144, 0, 1, 1, refusals-burst",
    "1, 1, 1, 262144, 1, 0, 1, connects-per-minute",
    "1, 1, 1, 262144, 1, 1, 0, connects-burst",
  })
  void refusesLimitsThatLetNothingThrough(
      int messages,
      int burst,
      int bytes,
      int bytesBurst,
      int refusals,
      int connects,
      int at,
      String key) {
    assertThatThrownBy(
            () -> new DeviceLimits(messages, burst, bytes, bytesBurst, refusals, connects, at))
        .hasMessageContaining(key);
  }
}
