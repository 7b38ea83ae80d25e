package io.skerry.e2e.fault;

import io.skerry.e2e.net.TcpProxy.Way;
import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Scene;
import java.time.Duration;
import java.util.List;

/**
 * The network between device and the control plane's HTTPS port misbehaves, while the broker is
 * well reached: downloads, and whatever else the device asks there.
 */
final class WebFaults {
  private static final Duration TROUBLE = Duration.ofSeconds(4);
  private static final Duration DELAY = Duration.ofMillis(500);
  private static final Duration BETWEEN_RESETS = Duration.ofMillis(700);
  private static final int RESETS = 5;
  private static final double LOSS = 0.2;
  // A blob of 2.5 MiB takes some seconds: there is something to be interrupted.
  private static final int SOME_SECONDS = 500_000;
  private static final int MINUTES = 4_000;

  private WebFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of(
            "https-partition-both-ways",
            "nothing passes between device and HTTPS port for 4 s in the middle of a download",
            "the version before serves; the download goes on after it",
            (scene, notes) -> {
              interrupted(scene, notes, () -> pause(() -> scene.web().partition()));
              scene.awaitCommitted();
            }),
        Fault.of(
            "https-partition-to-device",
            "nothing passes from the HTTPS port to the device for 4 s in the middle of a download",
            "the version before serves; the download goes on after it",
            (scene, notes) -> {
              interrupted(scene, notes, () -> pause(() -> scene.web().partition(Way.DOWN)));
              scene.awaitCommitted();
            }),
        Fault.of(
            "https-reset",
            "the connections are reset five times during a download of 2.5 MiB",
            "it goes on where it was cut",
            (scene, notes) -> {
              interrupted(scene, notes, () -> resets(scene));
              scene.awaitCommitted();
            }),
        Fault.of(
            "https-refused",
            "every connection to the HTTPS port is refused for 4 s, from the middle of a download on",
            "the version before serves; the order is carried out when the port is well, at the"
                + " latest when it is given again",
            (scene, notes) -> {
              interrupted(scene, notes, () -> pause(() -> scene.web().refuse()));
              DiskFaults.orderAgainIfGivenUp(scene, notes);
            }),
        Fault.of(
            "https-loss-of-packets",
            "every fifth piece either way comes 200 ms later, as a retransmission does",
            "an order is carried out meanwhile",
            (scene, notes) -> {
              scene.web().lose(Way.UP, LOSS);
              scene.web().lose(Way.DOWN, LOSS);
              scene.orderNext();
              scene.awaitCommitted();
            }),
        Fault.of(
            "https-delay",
            "half a second each way",
            "an order is carried out meanwhile",
            (scene, notes) -> {
              scene.web().delay(Way.UP, DELAY);
              scene.web().delay(Way.DOWN, DELAY);
              scene.orderNext();
              scene.awaitCommitted();
            }),
        Fault.of(
            "https-slow-drip",
            "4,000 bytes a second to the device: a blob of 2.5 MiB would take ten minutes",
            "a newer, small order pre-empts it at once and is carried out meanwhile",
            WebFaults::drip));
  }

  private interface Act {
    void go() throws Exception;
  }

  private static void interrupted(Scene scene, Notes notes, Act act) throws Exception {
    Artifact before = scene.expected();
    Artifact large = ArtifactFaults.large(scene).artifact();
    scene.web().throttle(Way.DOWN, SOME_SECONDS);
    scene.order(large);
    scene.awaitPhase("DOWNLOADING");
    act.go();
    notes.require(scene.running() == before.version(), "version %d runs", scene.running());
    scene.web().heal();
  }

  private static void pause(Runnable begin) throws InterruptedException {
    Thread.sleep(BETWEEN_RESETS);
    begin.run();
    Thread.sleep(TROUBLE);
  }

  private static void resets(Scene scene) throws InterruptedException {
    for (int i = 0; i < RESETS; i++) {
      Thread.sleep(BETWEEN_RESETS);
      scene.web().reset();
    }
  }

  private static void drip(Scene scene, Notes notes) throws Exception {
    scene.web().throttle(Way.DOWN, MINUTES);
    scene.orderBad(ArtifactFaults.large(scene).artifact());
    scene.awaitPhase("DOWNLOADING");
    Thread.sleep(TROUBLE);
    long start = System.nanoTime();
    scene.orderNext();
    scene.awaitCommitted();
    notes.figure("carried out within %.1f s", (System.nanoTime() - start) / 1e9);
  }
}
