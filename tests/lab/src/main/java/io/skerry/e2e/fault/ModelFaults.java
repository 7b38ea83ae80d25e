package io.skerry.e2e.fault;

import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Lab;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.TinyModels;
import java.util.List;
import java.util.Set;

/** A signed, well packaged model is bad. */
final class ModelFaults {
  private static final Set<String> ENDS = Set.of("REJECTED", "FAILED", "ROLLED_BACK");
  private static final int STARTS_MAX = 10;

  private ModelFaults() {}

  static List<Fault> all() {
    return List.of(
        refused("model-is-garbage", "the model file is eight bytes of nothing", v -> garbage()),
        refused(
            "model-out-of-memory",
            "every prediction of the model asks for 80 TB",
            TinyModels::outOfMemory),
        refused("model-slow", "a prediction takes most of a second", TinyModels::slow),
        refused("model-not-a-number", "the model answers 0 / 0", v -> TinyModels.notANumber()),
        refused(
            "model-wrong-shape",
            "the model answers one number a row, its artifact promises three",
            v -> TinyModels.wrongShape()),
        Fault.of(
            "model-not-a-number-in-service",
            "the model passes its golden inputs and answers 0 / 0 to the application's",
            "it is rolled back on probation",
            ModelFaults::notANumberInService),
        Fault.of(
            "model-crashes-at-load",
            "loading the model takes the process down, as a fault in native code does; a"
                + " supervisor starts it again",
            "after a few starts the device gives the version up and serves the one before",
            ModelFaults::crashes));
  }

  private static byte[] garbage() {
    return TinyModels.garbage();
  }

  private static Fault refused(String name, String made, Lab.Model model) {
    return Fault.of(
        name,
        made,
        "the version never answers the application, or is rolled back; the one before goes on;"
            + " the cause is reported",
        (scene, notes) -> {
          scene.orderBad(scene.lab().next(model));
          awaitRefused(scene, notes);
        });
  }

  private static void awaitRefused(Scene scene, Notes notes) throws Exception {
    Await.until(Scene.PATIENCE, "the version refused", () -> isRefused(scene), scene::state);
    String error = scene.error();
    notes.require(!error.isEmpty() && !error.equals("INTERNAL"), "its cause is '%s'", error);
    notes.figure("ended with %s", error);
    goesOn(scene, notes);
  }

  private static boolean isRefused(Scene scene) throws Exception {
    for (String phase : ENDS) {
      if (scene.isIn(phase)) {
        return true;
      }
    }
    return false;
  }

  private static void goesOn(Scene scene, Notes notes) throws Exception {
    long before = scene.expected().version();
    notes.require(scene.running() == before, "version %d runs", scene.running());
    Await.until(
        Scene.PATIENCE,
        "an answer of the version before",
        () -> scene.application().version() == before,
        scene::state);
    scene.orderNext();
    scene.awaitCommitted();
  }

  private static void notANumberInService(Scene scene, Notes notes) throws Exception {
    scene.application().inputsFrom(200);
    scene.orderBad(scene.lab().next(TinyModels::notANumberFrom100));
    awaitRefused(scene, notes);
    notes.figure("%d values were no number", scene.application().notANumber());
  }

  private static void crashes(Scene scene, Notes notes) throws Exception {
    Artifact bad = scene.lab().next(TinyModels::deadlyAtLoad);
    scene.orderBad(bad);
    Await.until(Scene.PATIENCE, "the process dead", () -> !scene.agent().isUp(), scene::state);
    int starts = AgentFaults.supervise(scene, STARTS_MAX);
    notes.require(scene.agent().isUp(), "started %d times, and it still dies", starts);
    notes.figure("given up after %d starts", starts);
    awaitRefused(scene, notes);
  }
}
