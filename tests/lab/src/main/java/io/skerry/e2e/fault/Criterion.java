package io.skerry.e2e.fault;

import com.google.gson.JsonObject;
import io.skerry.api.DeviceView;
import io.skerry.e2e.scene.Application;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.SpoolFiles;
import io.skerry.e2e.scene.Stored;
import io.skerry.protocol.RecordStream;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * What must hold after every fault, seen from outside: one runnable model, the right generation, no
 * failed prediction, no lost record, none counted twice, losses counted exactly.
 */
final class Criterion {
  // Windows are half a second: what is open is sealed, spooled and committed by then.
  private static final Duration QUIET = Duration.ofMillis(1500);

  private Criterion() {}

  /**
   * Records that may be missing.
   *
   * @param cause why
   * @param damaged records that were damaged on purpose
   */
  record Losses(Cause cause, int damaged) {
    static final Losses NONE = new Losses(Cause.NONE, 0);

    enum Cause {
      NONE,
      /** The disk took none: nobody but the agent can know of them, and its count is exact. */
      REFUSED,
      /** The oldest made room for newer ones: the agent's count and the control plane's agree. */
      AGED
    }
  }

  static void check(Scene scene, Notes notes, Losses losses) throws Exception {
    scene.link().heal();
    scene.web().heal();
    model(scene, notes);
    generation(scene, notes);
    predictions(scene, notes);
    records(scene, notes, losses);
  }

  private static void model(Scene scene, Notes notes) throws Exception {
    long version = scene.expected().version();
    boolean answers =
        Await.within(
            Scene.PATIENCE,
            () ->
                scene.isIn("COMMITTED")
                    && scene.running() == version
                    && scene.application().version() == version);
    notes.require(answers, "one runnable model: not version %d: %s", version, scene.state());
  }

  private static void generation(Scene scene, Notes notes) throws Exception {
    DeviceView[] seen = new DeviceView[1];
    boolean right =
        Await.within(
            Scene.PATIENCE,
            () -> {
              DeviceView view = scene.lab().plane().device(scene.device());
              seen[0] = view;
              String ordered = String.valueOf(view.generation());
              return ordered.equals(view.observedGeneration())
                  && ordered.equals(scene.status().get("applied").getAsString())
                  && view.slots().stream()
                      .allMatch(
                          slot ->
                              Long.valueOf(scene.expected().version())
                                  .equals(slot.runningVersion()));
            });
    notes.require(right, "right generation: %s; %s", seen[0], scene.state());
  }

  private static void predictions(Scene scene, Notes notes) throws Exception {
    Application application = scene.application();
    application.pause();
    notes.require(
        application.failed() == 0,
        "%d of %d predictions failed: %s",
        application.failed(),
        application.answered() + application.failed(),
        application.failures());
    notes.figure(
        "%d predictions, %d failed, longest %d ms",
        application.answered(), application.failed(), application.longestMillis());
  }

  private static void records(Scene scene, Notes notes, Losses losses) throws Exception {
    boolean drained =
        Await.within(Scene.PATIENCE, () -> waiting(scene.status()) == 0 && isQuiet(scene));
    notes.require(drained, "records wait and are not taken: %s", scene.state());
    Map<SpoolFiles.Origin, Long> made = made(scene);
    Map<SpoolFiles.Origin, Stored> stored = new HashMap<>();
    scene.lab().plane().stored(scene.device()).forEach(one -> stored.put(one.origin(), one));
    long missing = 0;
    long givenUp = 0;
    long count = 0;
    long again = 0;
    for (Stored one : stored.values()) {
      notes.require(one.rows() == one.count(), "counted twice or lost after storing: %s", one);
      count += one.count();
      again += one.duplicates();
      givenUp += one.givenUp();
      missing += Math.max(one.highest(), made.getOrDefault(one.origin(), 0L)) - one.count();
    }
    for (Map.Entry<SpoolFiles.Origin, Long> origin : made.entrySet()) {
      if (!stored.containsKey(origin.getKey())) {
        missing += origin.getValue();
      }
    }
    long dropped = sum(scene.status().getAsJsonObject("dropped"));
    long damaged = scene.status().get("damaged").getAsLong();
    notes.require(
        switch (losses.cause()) {
          case NONE -> dropped == 0 && missing == losses.damaged();
          case REFUSED -> missing == 0;
          case AGED -> missing == dropped;
        },
        "%d records are missing, %d were dropped: made %s, stored %s",
        missing,
        dropped,
        new TreeMap<>(texts(made)),
        stored.values());
    notes.require(
        missing == givenUp,
        "%d records are missing, the control plane knows of %d",
        missing,
        givenUp);
    notes.require(
        damaged == losses.damaged(),
        "%d records were damaged, the agent counts %d",
        losses.damaged(),
        damaged);
    if (scene.kills() == 0) {
      samples(scene, notes, stored.values(), losses);
    }
    counted(scene, notes, losses);
    notes.figure(
        "%d records stored, %d missing, %d dropped, %d came again", count, missing, dropped, again);
  }

  /** Every prediction is sampled: each is stored, or counted as dropped or skipped. */
  private static void samples(Scene scene, Notes notes, Collection<Stored> stored, Losses losses)
      throws Exception {
    long kept = 0;
    long aged = 0;
    for (Stored one : stored) {
      if (one.origin().stream() == RecordStream.SAMPLES) {
        kept += one.count();
        aged += one.givenUp();
      }
    }
    JsonObject status = scene.status();
    long dropped =
        losses.cause() == Losses.Cause.REFUSED
            ? status.getAsJsonObject("dropped").get("samples").getAsLong()
            : aged;
    long skipped = status.get("skipped").getAsLong();
    notes.require(
        kept + dropped + skipped == scene.application().answered(),
        "of %d answered predictions %d are stored, %d dropped, %d skipped",
        scene.application().answered(),
        kept,
        dropped,
        skipped);
  }

  /** The application's own count against the windows. */
  private static void counted(Scene scene, Notes notes, Losses losses) {
    long counted = scene.lab().plane().counted(scene.device());
    long answered = scene.application().answered();
    boolean exact = scene.kills() == 0 && losses.equals(Losses.NONE);
    notes.require(
        exact ? counted == answered : counted <= answered,
        "%d predictions were answered, %d counted",
        answered,
        counted);
  }

  private static boolean isQuiet(Scene scene) throws Exception {
    JsonObject before = scene.status().getAsJsonObject("spooled");
    return !Await.within(
        QUIET,
        () ->
            waiting(scene.status()) > 0
                || !scene.status().getAsJsonObject("spooled").equals(before));
  }

  private static Map<SpoolFiles.Origin, Long> made(Scene scene) throws Exception {
    Map<SpoolFiles.Origin, Long> made = new HashMap<>(scene.spooledByTheDead());
    JsonObject status = scene.status();
    JsonObject spooled = status.getAsJsonObject("spooled");
    for (RecordStream stream : RecordStream.values()) {
      long highest = spooled.get(stream.wireName()).getAsLong();
      if (highest > 0) {
        made.put(new SpoolFiles.Origin(status.get("bootEpoch").getAsLong(), stream), highest);
      }
    }
    return made;
  }

  private static Map<String, Long> texts(Map<SpoolFiles.Origin, Long> made) {
    Map<String, Long> texts = new HashMap<>();
    made.forEach(
        (origin, highest) -> texts.put(origin.stream().wireName() + origin.epoch(), highest));
    return texts;
  }

  private static long waiting(JsonObject status) {
    return sum(status.getAsJsonObject("waiting"));
  }

  private static long sum(JsonObject counts) {
    return counts.asMap().values().stream().mapToLong(count -> count.getAsLong()).sum();
  }
}
