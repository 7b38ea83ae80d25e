package io.skerry.e2e.fault;

import io.skerry.e2e.plane.BadArtifacts.Way;
import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.TinyModels;
import io.skerry.protocol.Digest;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/** The artifact server misbehaves. */
final class ArtifactFaults {
  private static final Duration TROUBLE = Duration.ofSeconds(3);
  private static final int LARGE_BYTES = 5 << 19;
  private static final long SEED = 5;

  private ArtifactFaults() {}

  static List<Fault> all() {
    return List.of(
        trouble("artifact-not-found", Way.NOT_FOUND, "404 for the model"),
        trouble(
            "artifact-expired", Way.EXPIRED, "403 for the model, as of an address that ran out"),
        trouble("artifact-range-refused", Way.RANGE_REFUSED, "416 for the model"),
        trouble("artifact-wrong-bytes", Way.WRONG, "one bit of the model is another on its way"),
        trouble(
            "artifact-silence", Way.ENDLESS_SILENCE, "the server answers and then sends nothing"),
        Fault.of(
            "artifact-truncated",
            "the connection ends after half of a blob of 2.5 MiB, then all is well",
            "the download goes on where it was cut",
            (scene, notes) -> cut(scene, notes, Way.WELL)),
        Fault.of(
            "artifact-no-ranges",
            "the connection ends after half of a blob of 2.5 MiB, then the server sends the whole"
                + " whatever range is asked for",
            "the download begins anew and succeeds",
            (scene, notes) -> cut(scene, notes, Way.NO_RANGES)),
        Fault.of(
            "artifact-slow-drip",
            "256 bytes a second of a blob of 2.5 MiB: it would take three hours",
            "a newer order pre-empts it at once",
            ArtifactFaults::drip));
  }

  private static Fault trouble(String name, Way way, String made) {
    return Fault.of(
        name,
        made + ", for 3 s",
        "the version before serves; the order is carried out when the server is well, at the"
            + " latest when it is given again",
        (scene, notes) -> {
          Artifact next = scene.lab().next();
          scene.lab().plane().answer(next.model(), way);
          Artifact before = scene.expected();
          scene.order(next);
          Thread.sleep(TROUBLE);
          notes.require(scene.running() == before.version(), "version %d runs", scene.running());
          scene.lab().plane().answer(next.model(), Way.WELL);
          DiskFaults.orderAgainIfGivenUp(scene, notes);
        });
  }

  /** A version with a blob of 2.5 MiB. */
  record Large(Artifact artifact, Digest blob) {}

  static Large large(Scene scene) throws Exception {
    byte[] labels = new byte[LARGE_BYTES];
    new Random(SEED + scene.device().hashCode()).nextBytes(labels);
    return new Large(scene.lab().next(TinyModels::good, labels), Digest.of(labels));
  }

  private static void cut(Scene scene, Notes notes, Way after) throws Exception {
    Large large = large(scene);
    scene.lab().plane().answer(large.blob(), Way.TRUNCATED);
    scene.order(large.artifact());
    Await.until(
        Scene.PATIENCE,
        "half of the blob",
        () -> scene.isIn("DOWNLOADING") && scene.lab().plane().answered(large.blob()) > 0,
        scene::state);
    scene.lab().plane().answer(large.blob(), after);
    DiskFaults.orderAgainIfGivenUp(scene, notes);
  }

  private static void drip(Scene scene, Notes notes) throws Exception {
    Large large = large(scene);
    scene.lab().plane().answer(large.blob(), Way.SLOW);
    scene.orderBad(large.artifact());
    Await.until(
        Scene.PATIENCE,
        "the drip begun",
        () -> scene.lab().plane().answered(large.blob()) > 0,
        scene::state);
    Thread.sleep(TROUBLE);
    long start = System.nanoTime();
    scene.orderNext();
    scene.awaitCommitted();
    notes.figure("pre-empted within %.1f s", (System.nanoTime() - start) / 1e9);
  }
}
