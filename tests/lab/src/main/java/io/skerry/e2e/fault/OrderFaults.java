package io.skerry.e2e.fault;

import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Plane;
import io.skerry.e2e.scene.Scene;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/** Orders that race, and orders that are none. */
final class OrderFaults {
  private static final int RACES = 8;
  private static final int LARGE_BYTES = 200_000;
  private static final long SEED = 5;

  private OrderFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of(
            "generations-racing",
            "a newer order comes 0 to 700 ms after an older one, eight times, at moments of a"
                + " fixed seed",
            "the newer one runs at the end of every race",
            OrderFaults::race),
        Fault.of(
            "orders-hostile",
            "the desired topic brings nothing, noise, 200,000 bytes of noise, another"
                + " device's signed order, and an order whose signature was touched",
            "each is refused and reported, and nothing else changes",
            OrderFaults::hostile));
  }

  private static void race(Scene scene, Notes notes) throws Exception {
    Random random = new Random(SEED);
    for (int i = 0; i < RACES; i++) {
      scene.orderNext();
      Thread.sleep(random.nextInt(700));
      scene.orderNext();
      scene.awaitCommitted();
    }
    notes.figure("%d races", RACES);
  }

  private static void hostile(Scene scene, Notes notes) throws Exception {
    Plane plane = scene.lab().plane();
    Artifact before = scene.expected();
    byte[] own = plane.retainedDesired(scene.device());
    byte[] large = new byte[LARGE_BYTES];
    new Random(SEED).nextBytes(large);
    byte[] touched = own.clone();
    touched[touched.length - 3] ^= 1;
    byte[] foreign;
    try (Scene other = Scene.open(scene.lab(), "orders-foreign")) {
      foreign = plane.retainedDesired(other.device());
    }
    for (byte[] message :
        List.of(new byte[0], "noise".getBytes(StandardCharsets.UTF_8), large, foreign, touched)) {
      plane.publish(Plane.desiredTopic(scene.device()), message, false);
    }
    // An empty message is no order; each of the others is told.
    boolean told =
        Await.within(
            Scene.PATIENCE,
            () ->
                plane.events(scene.device()).stream()
                        .filter(code -> code.startsWith("DESIRED_"))
                        .count()
                    >= 4);
    notes.require(told, "events %s", plane.events(scene.device()));
    boolean changed =
        Await.within(
            Duration.ofSeconds(1), () -> scene.application().version() != before.version());
    notes.require(!changed, "version %d answers", scene.application().version());
    scene.orderNext();
    scene.awaitCommitted();
  }
}
