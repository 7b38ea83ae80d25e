package io.skerry.e2e.fault;

import io.skerry.e2e.net.TcpProxy;
import io.skerry.e2e.net.TcpProxy.Way;
import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.SpoolFiles;
import io.skerry.e2e.scene.Stored;
import java.time.Duration;
import java.util.List;

/** What a network does. */
final class LinkFaults {
  private static final Duration SILENCE = Duration.ofSeconds(4);
  private static final Duration LATE = Duration.ofSeconds(2);
  private static final int RESETS = 5;
  private static final long BACKLOG_BYTES = 400L << 10;

  private LinkFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of(
            "partition-both-ways",
            "nothing passes between device and broker for 4 s; an order falls into it",
            "the order is carried out after it",
            (scene, notes) -> silence(scene, Way.UP, Way.DOWN)),
        Fault.of(
            "partition-from-device",
            "nothing passes from the device to the broker for 4 s; an order falls into it",
            "the order is carried out",
            (scene, notes) -> silence(scene, Way.UP)),
        Fault.of(
            "partition-to-device",
            "nothing passes from the broker to the device for 4 s; an order falls into it",
            "the order is carried out after it",
            (scene, notes) -> silence(scene, Way.DOWN)),
        Fault.of(
            "loss-of-packets",
            "every fifth piece either way comes 200 ms later, as a retransmission does",
            "an order is carried out meanwhile",
            (scene, notes) -> meanwhile(scene, link -> lose(link, 0.2))),
        Fault.of(
            "delay",
            "half a second each way",
            "an order is carried out meanwhile",
            (scene, notes) -> meanwhile(scene, LinkFaults::delay)),
        Fault.of(
            "slow-line",
            "4,000 bytes a second each way, less than the device makes",
            "an order is carried out meanwhile; the rest follows when the line is well",
            (scene, notes) -> meanwhile(scene, link -> throttle(link, 4_000))),
        Fault.of(
            "connection-reset",
            "the connection is reset five times while records are on their way",
            "the device is back every time",
            LinkFaults::resets),
        Fault.of(
            "connection-half-open",
            "the broker's end is gone and nobody tells the device",
            "the device finds out by itself and connects anew",
            LinkFaults::halfOpen),
        Fault.of(
            "connection-refused",
            "every connection is refused for 5 s",
            "the device asks again, with waits, and is back",
            LinkFaults::refused),
        Fault.of(
            "backlog",
            "every connection is refused until 400 KiB of records wait",
            "everything is stored soon after",
            LinkFaults::backlog),
        Fault.of(
            "records-doubled",
            "what the broker sends comes two seconds late, and five times the connection is reset"
                + " before the device hears that records are stored",
            "what comes again is stored once",
            LinkFaults::doubled));
  }

  private static void silence(Scene scene, Way... ways) throws Exception {
    for (Way way : ways) {
      scene.link().partition(way);
    }
    scene.orderNext();
    Thread.sleep(SILENCE);
    scene.link().heal();
    scene.awaitCommitted();
  }

  private interface Trouble {
    void on(TcpProxy link);
  }

  private static void meanwhile(Scene scene, Trouble trouble) throws Exception {
    trouble.on(scene.link());
    scene.orderNext();
    scene.awaitCommitted();
    scene.link().heal();
  }

  private static void lose(TcpProxy link, double share) {
    link.lose(Way.UP, share);
    link.lose(Way.DOWN, share);
  }

  private static void delay(TcpProxy link) {
    link.delay(Way.UP, Duration.ofMillis(500));
    link.delay(Way.DOWN, Duration.ofMillis(500));
  }

  private static void throttle(TcpProxy link, int bytesPerSecond) {
    link.throttle(Way.UP, bytesPerSecond);
    link.throttle(Way.DOWN, bytesPerSecond);
  }

  private static void resets(Scene scene, Notes notes) throws Exception {
    for (int i = 0; i < RESETS; i++) {
      long before = scene.link().connections();
      scene.link().reset();
      Await.until(
          Scene.PATIENCE,
          "a new connection",
          () -> scene.link().connections() > before,
          scene::state);
      scene.awaitLink(true);
    }
    scene.orderNext();
    scene.awaitCommitted();
  }

  private static void halfOpen(Scene scene, Notes notes) throws Exception {
    long before = scene.link().connections();
    long start = System.nanoTime();
    scene.link().halfOpen();
    Await.until(
        Scene.PATIENCE,
        "a new connection",
        () -> scene.link().connections() > before,
        scene::state);
    notes.figure("found out after %.1f s", (System.nanoTime() - start) / 1e9);
    scene.awaitLink(true);
    scene.orderNext();
    scene.awaitCommitted();
  }

  private static void refused(Scene scene, Notes notes) throws Exception {
    Artifact before = scene.expected();
    long connections = scene.link().connections();
    scene.link().refuse();
    scene.orderNext();
    Thread.sleep(Duration.ofSeconds(5));
    long asked = scene.link().connections() - connections;
    notes.require(
        scene.application().version() == before.version(), "another version answers already");
    notes.require(asked <= 20, "asked %d times in 5 s: no waits", asked);
    notes.figure("asked %d times in 5 s", asked);
    scene.link().heal();
    scene.awaitCommitted();
  }

  private static void backlog(Scene scene, Notes notes) throws Exception {
    scene.link().refuse();
    scene.application().hurry(true);
    Await.until(
        Scene.PATIENCE.multipliedBy(2),
        "400 KiB of waiting samples",
        () -> SpoolFiles.bytes(scene.agent().data()) > BACKLOG_BYTES,
        scene::state);
    scene.application().hurry(false);
    scene.link().heal();
  }

  private static void doubled(Scene scene, Notes notes) throws Exception {
    scene.link().delay(Way.DOWN, LATE);
    for (int i = 0; i < RESETS; i++) {
      long stored = count(scene);
      Await.until(
          Scene.PATIENCE,
          "records stored of which the device does not hear",
          () -> count(scene) > stored,
          scene::state);
      scene.link().reset();
      scene.awaitLink(true);
    }
    scene.link().heal();
  }

  private static long count(Scene scene) {
    return scene.lab().plane().stored(scene.device()).stream().mapToLong(Stored::count).sum();
  }
}
