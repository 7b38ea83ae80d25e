package io.skerry.e2e.fault;

import com.google.gson.JsonObject;
import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Lab;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.SpoolFiles;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** The device's disk fails, or changes what lies on it. */
final class DiskFaults {
  private static final Duration WHILE = Duration.ofSeconds(3);

  private DiskFaults() {}

  static List<Fault> all() {
    return List.of(
        failing("disk-full", "FULL", "no byte more fits on the device's disk for 3 s"),
        failing("disk-read-only", "READ_ONLY", "the device's disk refuses every change for 3 s"),
        failing("disk-short-writes", "SHORT_WRITE", "every write ends in the middle, for 3 s"),
        real(
            "file-system-full",
            "the device's data lies on a file system of its own, which is full to the last page for"
                + " 3 s",
            scene -> scene.smallDisk().fill(),
            scene -> scene.smallDisk().free()),
        real(
            "file-system-read-only",
            "the device's data lies on a file system of its own, which is mounted read-only for 3 s",
            scene -> scene.smallDisk().readOnly(true),
            scene -> scene.smallDisk().readOnly(false)),
        Fault.of(
            "bit-flip-in-model",
            "one bit of the running model's file is another after a kill",
            "in no unit, the version before it serves until the right bytes are here again",
            (scene, notes) -> flipBlob(scene, notes, Artifact::model)),
        Fault.of(
            "bit-flip-in-manifest",
            "one bit of the signed manifest is another after a kill",
            "in no unit, the version before it serves until the right bytes are here again",
            (scene, notes) -> flipBlob(scene, notes, Artifact::signature)),
        Fault.of(
            "bit-flip-in-state",
            "one bit of the update state is another after a kill",
            "the state before it counts, and the order is carried out again",
            (scene, notes) -> flipState(scene, false)),
        Fault.of(
            "bit-flip-in-both-states",
            "one bit of the update state and one of the state before it are others after a kill",
            "what runs is found again, and the order is carried out again",
            (scene, notes) -> flipState(scene, true)),
        Fault.whole(
            "bit-flip-in-spool",
            "one bit of one waiting record is another after a kill",
            "this record is counted as damaged, its neighbours are stored",
            DiskFaults::flipSpool));
  }

  private interface Act {
    void on(Scene scene) throws Exception;
  }

  private static Fault failing(String name, String mode, String made) {
    return failing(
        name,
        made,
        lab -> Scene.open(lab, name),
        scene -> scene.agent().ask("disk " + mode),
        scene -> scene.agent().ask("disk WELL"));
  }

  private static Fault real(String name, String made, Act begin, Act end) {
    return failing(name, made, lab -> Scene.openOnSmallDisk(lab, name), begin, end);
  }

  private interface Opening {
    Scene in(Lab lab) throws Exception;
  }

  private static Fault failing(String name, String made, Opening opening, Act begin, Act end) {
    return Fault.whole(
        name,
        made + ", while records are made and an order comes",
        "records that did not fit are counted exactly; the order is carried out when there is"
            + " room, at the latest when it is given again",
        (lab, depth, notes) -> {
          try (Scene scene = opening.in(lab)) {
            failingFor(scene, notes, begin, end);
            Criterion.check(scene, notes, new Criterion.Losses(Criterion.Losses.Cause.REFUSED, 0));
          }
        });
  }

  private static void failingFor(Scene scene, Notes notes, Act begin, Act end) throws Exception {
    Artifact before = scene.expected();
    begin.on(scene);
    Artifact next = scene.orderNext();
    Thread.sleep(WHILE);
    notes.require(
        scene.application().version() == before.version()
            || scene.application().version() == next.version(),
        "version %d answers",
        scene.application().version());
    end.on(scene);
    orderAgainIfGivenUp(scene, notes);
  }

  /** An order that ended for a cause that may pass is given again by whoever removed the cause. */
  static void orderAgainIfGivenUp(Scene scene, Notes notes) throws Exception {
    Await.until(
        Scene.PATIENCE,
        "the order done or given up",
        () -> isDone(scene) || scene.isIn("FAILED") || scene.isIn("REJECTED"),
        scene::state);
    if (!isDone(scene)) {
      notes.figure("given up with %s, ordered again", scene.error());
      scene.order(scene.expected());
    }
    scene.awaitCommitted();
  }

  private static boolean isDone(Scene scene) throws Exception {
    return scene.isIn("COMMITTED") && scene.running() == scene.expected().version();
  }

  private interface Blob {
    Digest of(Artifact artifact);
  }

  private static void flipBlob(Scene scene, Notes notes, Blob blob) throws Exception {
    Artifact before = scene.expected();
    Artifact running = scene.orderNext();
    scene.awaitCommitted();
    scene.kill();
    Path file = scene.agent().data().resolve("models/blobs/sha256/" + blob.of(running).hex());
    notes.require(Files.exists(file), "no file %s to damage", file);
    flip(file, Files.size(file) / 2);
    scene.restart();
    notes.require(
        scene.running() == before.version() || scene.running() == running.version(),
        "one runnable model: version %d runs after the start",
        scene.running());
    notes.figure("version %d served after the start", scene.running());
    if (!Await.within(Scene.PATIENCE, () -> isDone(scene))) {
      notes.require(false, "the damaged version does not come back: %s", scene.state());
    }
  }

  private static void flipState(Scene scene, boolean both) throws Exception {
    scene.orderNext();
    scene.awaitCommitted();
    scene.kill();
    Path state = scene.agent().data().resolve("models/update.json");
    flip(state, Files.size(state) / 2);
    if (both) {
      Path before = state.resolveSibling("update.json.before");
      flip(before, Files.size(before) / 2);
    }
    scene.restart();
    scene.awaitCommitted();
  }

  private static void flipSpool(Lab lab, Fault.Depth depth, Notes notes) throws Exception {
    try (Scene scene = Scene.open(lab, "bit-flip-in-spool")) {
      scene.link().partition();
      Await.until(
          Scene.PATIENCE,
          "twenty waiting samples",
          () -> waitingSamples(scene.status()) >= 20,
          scene::state);
      scene.kill();
      // What left the device before its end must not arrive after all: the victim may be in it.
      scene.link().reset();
      List<SpoolFiles.Frame> frames =
          SpoolFiles.frames(scene.agent().data()).stream()
              .filter(frame -> frame.origin().stream().wireName().equals("samples"))
              .toList();
      SpoolFiles.Frame victim = frames.get(frames.size() / 2);
      flip(victim.file(), victim.offset() + victim.bytes() / 2L);
      scene.link().heal();
      scene.restart();
      Criterion.check(scene, notes, new Criterion.Losses(Criterion.Losses.Cause.NONE, 1));
    }
  }

  private static long waitingSamples(JsonObject status) {
    return status.getAsJsonObject("waiting").get("samples").getAsLong();
  }

  private static void flip(Path file, long at) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(at);
      int old = bytes.read();
      bytes.seek(at);
      bytes.write(old ^ 1);
    }
  }
}
