package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.BrokerPeer.Will;
import io.skerry.contract.BrokerPeer.Wish;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What of a broker both ends rest on: sessions, takeovers, wills, and what is retained. */
interface BrokerContract {
  int LONG_SECONDS = 60;

  /** Connects to a broker that did not know the devices of a test when that began. */
  BrokerPeer connect(Wish wish) throws Exception;

  /** Whether it tells who is thrown off that another one of that name has come. */
  default boolean saysWhyItEnds() {
    return true;
  }

  /** The broker ends without waiting for anybody, and starts again with nothing in it. */
  void restart() throws Exception;

  private static String topic(String device, String kind) {
    return Topics.device(new TenantId("default"), new DeviceId(device), kind);
  }

  private static String status(String device) {
    return topic(device, Topics.STATUS);
  }

  private static String committed(String device) {
    return topic(device, Topics.COMMITTED);
  }

  /** Without a session of a test before. */
  private BrokerPeer control() throws Exception {
    return connect(Wish.of(Wish.CONTROL).known(0));
  }

  @Test
  default void theSessionOfWhoComesBackIsKnown() throws Exception {
    try (BrokerPeer first = connect(Wish.of("known"))) {
      assertThat(first.isSessionPresent()).isFalse();
      first.cut();
    }
    try (BrokerPeer again = connect(Wish.of("known"))) {
      assertThat(again.isSessionPresent()).isTrue();
    }
    try (BrokerPeer afterFarewell = connect(Wish.of("known"))) {
      assertThat(afterFarewell.isSessionPresent()).isTrue();
    }
    restart();
    try (BrokerPeer stranger = connect(Wish.of("known"))) {
      assertThat(stranger.isSessionPresent()).isFalse();
    }
  }

  /** Its will tells that it is over: a will waits no longer than its session. */
  @Test
  default void aSessionEndsWhenItsTimeIsOver() throws Exception {
    try (BrokerPeer control = control()) {
      control.subscribe(status("gone"));
      Wish wish = Wish.of("gone").known(1).with(new Will(status("gone"), "dead", LONG_SECONDS));
      try (BrokerPeer device = connect(wish)) {
        device.subscribe(committed("gone"));
        device.cut();
      }
      control.publish(committed("gone"), "while it was away", false);

      assertThat(control.next()).isEqualTo("dead");

      try (BrokerPeer device = connect(wish)) {
        assertThat(device.isSessionPresent()).isFalse();
        control.publish(committed("gone"), "before it subscribed", false);
        device.subscribe(committed("gone"));
        control.publish(committed("gone"), "behind it", false);
        assertThat(device.next()).isEqualTo("behind it");
      }
    }
  }

  @Test
  default void whoConnectsUnderANameThrowsOffWhoHasIt() throws Exception {
    try (BrokerPeer control = control()) {
      control.subscribe(status("twice"));
      Wish wish = Wish.of("twice").with(new Will(status("twice"), "dead", LONG_SECONDS));
      try (BrokerPeer first = connect(wish)) {
        first.subscribe(committed("twice"));
        control.publish(committed("twice"), "left by the first", false);
        assertThat(first.leave()).isEqualTo("left by the first");

        try (BrokerPeer second = connect(wish)) {
          first.awaitGone();
          if (saysWhyItEnds()) {
            assertThat(first.isThrownOff()).isTrue();
          }
          assertThat(second.isSessionPresent()).isTrue();
          assertThat(second.next()).isEqualTo("left by the first");
          second.publish(status("twice"), "alive", true);
          assertThat(control.next()).as("no death before it").isEqualTo("alive");
        }
      }
    }
  }

  @Test
  default void aWillIsToldAfterItsDelayAndStays() throws Exception {
    try (BrokerPeer control = control()) {
      control.subscribe(status("mortal"));
      try (BrokerPeer device =
          connect(Wish.of("mortal").with(new Will(status("mortal"), "dead", 1)))) {
        device.publish(status("mortal"), "alive", true);
        assertThat(control.next()).isEqualTo("alive");
        device.cut();
      }

      assertThat(control.next()).isEqualTo("dead");

      control.subscribe(status("mortal"));
      assertThat(control.next()).as("retained").isEqualTo("dead");
    }
  }

  @Test
  default void aWillIsNotToldOfWhoComesBackOrSaysFarewell() throws Exception {
    try (BrokerPeer control = control()) {
      control.subscribe(status("back"));
      control.subscribe(status("left"));
      Wish back = Wish.of("back").with(new Will(status("back"), "dead", 10));
      connect(back).cut();
      try (BrokerPeer again = connect(back.with(new Will(status("back"), "dead", LONG_SECONDS)))) {
        connect(Wish.of("left").with(new Will(status("left"), "dead", 1))).close();
        // By now the others would have been told.
        Wish later = Wish.of("later").with(new Will(status("later"), "later", 11));
        control.subscribe(status("later"));
        connect(later).cut();

        assertThat(control.next()).isEqualTo("later");
        again.publish(status("back"), "alive", true);
        assertThat(control.next()).isEqualTo("alive");
      }
    }
  }

  @Test
  default void whatIsRetainedComesToAFilterOfMany() throws Exception {
    restart();
    for (String device : List.of("one", "two", "three")) {
      try (BrokerPeer peer = connect(Wish.of(device))) {
        peer.publish(status(device), "of " + device, true);
        if (device.equals("three")) {
          peer.publish(status(device), "", true);
        }
      }
    }
    try (BrokerPeer control = control()) {
      for (int time = 0; time < 2; time++) {
        control.subscribe(Topics.everyDevice(Topics.STATUS));
        List<String> heard = List.of(control.next(), control.next());
        assertThat(heard).as("time %d", time).containsExactlyInAnyOrder("of one", "of two");
      }
      try (BrokerPeer two = connect(Wish.of("two"))) {
        two.publish(status("two"), "newer", true);
      }
      assertThat(control.next()).isEqualTo("newer");
    }
  }

  @Test
  default void whatWasNotAcknowledgedComesAgainInOrderAndThenTheRest() throws Exception {
    try (BrokerPeer control = control()) {
      try (BrokerPeer device = connect(Wish.of("slow"))) {
        device.subscribe(committed("slow"));
        IntStream.range(0, 3)
            .forEach(number -> control.publish(committed("slow"), "message " + number, false));
        assertThat(device.next()).isEqualTo("message 0");
        // Behind its acknowledgement, which is under way.
        device.publish(status("slow"), "heard", false);
        assertThat(device.leave()).isEqualTo("message 1");
        device.cut();
      }
      IntStream.range(3, 5)
          .forEach(number -> control.publish(committed("slow"), "message " + number, false));
      try (BrokerPeer device = connect(Wish.of("slow"))) {
        for (int number = 1; number < 5; number++) {
          assertThat(device.next()).isEqualTo("message " + number);
        }
      }
    }
  }

  /** One whose queues drop their oldest message. */
  interface Bounded extends BrokerContract {
    /** Messages that wait for one session. */
    int queueMax();

    @Test
    default void ofTooManyTheOldestGo() throws Exception {
      int more = 5;
      try (BrokerPeer control = connect(Wish.of(Wish.CONTROL).known(0))) {
        try (BrokerPeer device = connect(Wish.of("flooded"))) {
          device.subscribe(committed("flooded"));
          device.cut();
        }
        for (int i = 0; i < queueMax() + more; i++) {
          control.publish(committed("flooded"), "message " + i, false);
        }
        try (BrokerPeer device = connect(Wish.of("flooded"))) {
          for (int i = more; i < queueMax() + more; i++) {
            assertThat(device.next()).isEqualTo("message " + i);
          }
        }
      }
    }
  }
}
