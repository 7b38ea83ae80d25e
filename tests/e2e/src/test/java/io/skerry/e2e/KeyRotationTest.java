package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Lab;
import io.skerry.e2e.scene.Plane;
import io.skerry.e2e.scene.Scene;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Keys that change under a control plane and an agent that both go on running. */
@Tag("slow")
class KeyRotationTest {
  private Path folder;
  private Lab lab;
  private Scene scene;

  @BeforeEach
  void open() throws Exception {
    // Short: sockets lie in it, and a socket's path may have 107 bytes.
    folder = Files.createTempDirectory("skr");
    lab = Lab.open(folder);
    scene = Scene.open(lab, "rotated");
  }

  @AfterEach
  void close() throws IOException {
    scene.close();
    lab.close();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  @Test
  void devicesFollowEveryRootAndBelieveNoKeyThatWasRotatedAway() throws Exception {
    byte[] signedBefore = lab.plane().retainedDesired(scene.device());

    rotate("--new-root", "--new-director", "--new-snapshot");
    awaitRoot(2);
    scene.orderNext();
    scene.awaitCommitted();

    // Who stole the old director key, or kept an order of it, orders nothing any more.
    long refused = refusals();
    lab.plane().publish(Plane.desiredTopic(scene.device()), signedBefore, true);
    Await.until(Scene.PATIENCE, "the old order refused", () -> refusals() > refused, scene::state);
    scene.awaitCommitted();

    // It misses two roots while it is away, and follows them one by one.
    scene.kill();
    rotate("--new-director");
    rotate("--new-root", "--new-director");
    awaitRoot(4);
    Artifact last = scene.orderNext();
    scene.restart();
    scene.awaitCommitted();

    assertThat(scene.running()).isEqualTo(last.version());
    assertThat(scene.application().failures()).isEmpty();
    assertThat(scene.application().failed()).isZero();
  }

  private long refusals() {
    return Collections.frequency(lab.plane().events(scene.device()), "DESIRED_SIGNATURE_INVALID");
  }

  /** Rotates in the server's own folder, as an operator would. */
  private void rotate(String... fresh) {
    String keys = folder.resolve("data").resolve("keys").toString();
    Program.Ended ended =
        Program.KEYS.run(
            Stream.concat(Stream.of("rotate", "keys", "--dir", keys), Stream.of(fresh))
                .toArray(String[]::new));
    assertThat(ended.exitCode()).as(ended.errors()).isZero();
  }

  /** Waits until the server has followed, without a restart. */
  private void awaitRoot(long version) throws Exception {
    Await.until(
        Scene.PATIENCE,
        "root %d taken".formatted(version),
        () -> lab.plane().rootVersion() == version,
        () -> "root " + lab.plane().rootVersion());
  }
}
