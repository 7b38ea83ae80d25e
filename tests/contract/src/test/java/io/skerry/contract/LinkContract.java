package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What every client must hold with any broker, over a line that can fail. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class LinkContract {
  static final Duration PATIENCE = Duration.ofSeconds(2);

  private static final int TRIES_MAX = 20_000;

  /** A line to the broker on which nothing has happened yet. */
  public abstract Line line() throws Exception;

  /** Makes a client at the end of a line, and waits until it is connected and subscribed. */
  abstract LinkClient client(String device, Line line) throws Exception;

  /** The same without anything between it and the broker. */
  abstract LinkClient client(String device) throws Exception;

  /** Connects who talks with the client about the device, without its line. */
  public abstract FarEnd far(String device) throws Exception;

  /** The topic on which the client publishes. */
  abstract String said(String device);

  /** A topic on which the client hears what is retained. */
  abstract String heard(String device);

  /** The broker ends without waiting for anybody, and starts again with nothing in it. */
  abstract void restartBroker() throws Exception;

  @Test
  void hearsWhatIsRetainedAfterEveryReconnect() throws Exception {
    try (FarEnd far = far("again");
        Line line = line()) {
      far.retain(heard("again"), "document 1");
      try (LinkClient client = client("again", line)) {
        for (int round = 0; round < 5; round++) {
          client.awaitHeard("document 1");
          line.cut();
          line.mend();
        }
      }
    }
  }

  @Test
  void hearsTheNewestOfAThousandFiveHundredThatCameWhileItWasAway() throws Exception {
    try (FarEnd far = far("away");
        Line line = line()) {
      far.retain(heard("away"), "document 0");
      try (LinkClient client = client("away", line)) {
        client.awaitHeard("document 0");
        line.cut();
        for (int i = 1; i <= 1500; i++) {
          far.retain(heard("away"), "document " + i);
        }
        line.mend();

        client.awaitHeard("document 1500");
        publishUntilAcknowledged(client, "still there");
      }
    }
  }

  @Test
  void hearsAgainWhatItCouldNotAcknowledgeAndGoesOn() throws Exception {
    try (FarEnd far = far("twice");
        Line line = line();
        LinkClient client = client("twice", line)) {
      String document;
      int tries = 0;
      do {
        assertThat(tries++).as("tries to be heard while the line stands still").isLessThan(10);
        line.cut();
        line.mend();
        // Past what the session has kept since the test before, which goes first.
        far.retain(heard("twice"), "settled " + tries);
        client.awaitHeard("settled " + tries);
        publishUntilAcknowledged(client, "settled");
        line.stallTowardsBroker();
        document = "document " + tries;
        far.retain(heard("twice"), document);
        // HiveMQ sends nothing more while an acknowledgement is missing, and the last one may have
        // come too late for the line.
      } while (!client.hears(document, Duration.ofSeconds(5)));
      line.cut();
      line.mend();

      client.awaitHeard(document);
      far.retain(heard("twice"), "document after it");
      client.awaitHeard("document after it");
    }
  }

  @Test
  void losesNothingThatWasAcknowledged() throws Exception {
    try (FarEnd far = far("busy");
        Line line = line();
        LinkClient client = client("busy", line)) {
      far.subscribe(said("busy"));
      Set<String> acknowledged = new HashSet<>();
      int cuts = 0;
      for (int i = 0; i < 400 || acknowledged.size() < 200; i++) {
        assertThat(i).isLessThan(TRIES_MAX);
        if (published(client, "message " + i)) {
          acknowledged.add("message " + i);
        }
        if (i % 100 == 50 && cuts < 4) {
          cuts++;
          line.cut();
          line.mend();
        }
      }
      while (!acknowledged.isEmpty()) {
        acknowledged.remove(far.nextText());
      }
    }
  }

  @Test
  void keepsTheOrderOfMany() throws Exception {
    try (FarEnd far = far("ordered");
        LinkClient client = client("ordered")) {
      far.subscribe(said("ordered"));
      for (int i = 0; i < 500; i++) {
        client.publish("message " + i);
      }
      for (int i = 0; i < 500; i++) {
        assertThat(far.nextText()).isEqualTo("message " + i);
      }
    }
  }

  @Test
  void givesUpAPublishThatNobodyAcknowledgesAndComesBack() throws Exception {
    try (Line line = line();
        LinkClient client = client("stalled", line)) {
      line.stall();
      long before = System.nanoTime();

      assertThatThrownBy(() -> client.publish("lost")).isInstanceOf(Exception.class);

      assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(PATIENCE.multipliedBy(5));
      line.cut();
      line.mend();
      publishUntilAcknowledged(client, "back");
    }
  }

  @Test
  void comesBackToABrokerThatLostEverything() throws Exception {
    try (LinkClient client = client("patient")) {
      try (FarEnd far = far("patient")) {
        far.retain(heard("patient"), "before");
      }
      client.awaitHeard("before");
      restartBroker();
      try (FarEnd far = far("patient")) {
        far.subscribe(said("patient"));
        far.retain(heard("patient"), "after the restart");

        client.awaitHeard("after the restart");
        publishUntilAcknowledged(client, "message");
        assertThat(far.nextText()).isEqualTo("message");
      }
    }
  }

  static void publishUntilAcknowledged(LinkClient client, String payload) throws Exception {
    int tries = 0;
    while (!published(client, payload)) {
      assertThat(tries++).as("tries to publish").isLessThan(TRIES_MAX);
    }
  }

  private static boolean published(LinkClient client, String payload) throws Exception {
    try {
      client.publish(payload);
      return true;
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      // Without a connection it fails at once: as fast again would only keep the processor busy.
      TimeUnit.MILLISECONDS.sleep(5);
      return false;
    }
  }
}
