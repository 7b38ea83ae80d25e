package io.skerry.e2e.fault;

import io.skerry.e2e.plane.BadArtifacts;
import io.skerry.e2e.scene.AgentProcess;
import io.skerry.e2e.scene.Artifact;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Plane;
import io.skerry.e2e.scene.Scene;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/**
 * The agent's process dies. The points are the code's own: the disk numbers what the agent does,
 * and every number is a point. The same loops with power cuts, in memory and over every point, are
 * in the simulator's tests.
 */
final class AgentFaults {
  private static final int SAMPLED = 4;
  private static final int KILLS_AT_RANDOM = 8;
  private static final Duration NOT_REACHED = Duration.ofMillis(500);
  private static final Duration LONG_WINDOW = Duration.ofSeconds(10);
  // The second that may be lost, and what a busy machine adds to it.
  private static final Duration WRITTEN_WITHIN = Duration.ofSeconds(2);
  private static final int IN_WINDOW = 5;
  private static final long SEED = 5;

  private AgentFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.looping(
            "kill-before-every-change",
            "the process ends, as by kill -9, before the n-th change of its disk during an update"
                + " under load, for every n",
            "the update goes on after the start",
            depth -> (scene, notes) -> killInUpdate(scene, notes, depth, "before", "operations")),
        Fault.looping(
            "kill-inside-every-write",
            "the process ends with half of the n-th write done, for every n",
            "the update goes on after the start",
            depth -> (scene, notes) -> killInUpdate(scene, notes, depth, "inside", "writes")),
        Fault.looping(
            "kill-in-every-start",
            "the process ends before the n-th change of its disk after its start, for every n",
            "the next start serves",
            depth -> (scene, notes) -> killInStart(scene, notes, depth)),
        Fault.of(
            "kill-in-download",
            "SIGKILL while the model arrives",
            "the download goes on after the start",
            AgentFaults::killInDownload),
        Fault.of(
            "kill-in-probation",
            "SIGKILL while the new version proves itself",
            "the new version is committed after the start",
            AgentFaults::killInProbation),
        Fault.of(
            "kill-at-random",
            "SIGKILL eight times under load, at moments of a fixed seed",
            "every start serves",
            AgentFaults::killAtRandom),
        Fault.of(
            "kill-with-an-open-window",
            "SIGKILL in the middle of a window of 10 s, two seconds after the last prediction",
            "every prediction of the window is counted once",
            AgentFaults::killInWindow));
  }

  private static void killInUpdate(
      Scene scene, Notes notes, Fault.Depth depth, String where, String counted) throws Exception {
    long before = scene.agent().ask("operations").get(counted).getAsLong();
    scene.orderNext();
    scene.awaitCommitted();
    long points = scene.agent().ask("operations").get(counted).getAsLong() - before;
    long reached = 0;
    for (long point = 1; point <= points; point += step(points, depth)) {
      Artifact running = scene.expected();
      long armed = scene.agent().ask("kill %d %s".formatted(point, where)).get(counted).getAsLong();
      scene.orderNext();
      if (diesBeforeItEnds(scene) || !isBehindTheEnd(scene, notes, point, counted, armed)) {
        reached++;
        scene.died();
        scene.restart();
        notes.require(
            scene.running() == running.version() || scene.running() == scene.expected().version(),
            "killed %s change %d: runs version %d",
            where,
            point,
            scene.running());
      }
      scene.awaitCommitted();
    }
    notes.require(reached > 0, "no point was reached");
    notes.figure("%d points, killed at %d", points, reached);
  }

  private static long step(long points, Fault.Depth depth) {
    return depth == Fault.Depth.ALL ? 1 : Math.max(1, points / SAMPLED);
  }

  // The last points lie behind the end of a run that needs fewer changes than the counted one.
  private static boolean diesBeforeItEnds(Scene scene) throws Exception {
    Await.until(
        Scene.PATIENCE,
        "the process dead, or the update done",
        () -> !scene.agent().isUp() || isDone(scene),
        scene::state);
    return scene.agent().awaitEnd(NOT_REACHED);
  }

  /**
   * Looks at a process that lived on, and lets it: it must have made fewer changes than the point's
   * number. False when it got there in the end.
   */
  private static boolean isBehindTheEnd(
      Scene scene, Notes notes, long point, String counted, long armed) throws Exception {
    try {
      long made = scene.agent().ask("operations").get(counted).getAsLong() - armed;
      scene.agent().ask("kill %d before".formatted(Long.MAX_VALUE / 2));
      notes.require(made < point, "lived on at change %d, and made %d", point, made);
      return true;
    } catch (AgentProcess.AgentDown e) {
      scene.agent().awaitEnd(Scene.PATIENCE);
      return false;
    }
  }

  private static boolean isDone(Scene scene) throws Exception {
    return scene.isIn("COMMITTED") && scene.running() == scene.expected().version();
  }

  private static void killInStart(Scene scene, Notes notes, Fault.Depth depth) throws Exception {
    scene.kill();
    scene.restart();
    long points = scene.agent().ask("operations").get("operations").getAsLong();
    long reached = 0;
    for (long point = 1; point <= points; point += step(points, depth)) {
      scene.kill();
      if (!scene.agent().tryStart("kill %d before".formatted(point))
          || scene.agent().awaitEnd(NOT_REACHED)
          || !isBehindTheEnd(scene, notes, point, "operations", 0)) {
        reached++;
        scene.died();
        scene.restart();
      }
      scene.awaitCommitted();
    }
    notes.require(reached > 0, "no point was reached");
    notes.figure("%d points, killed at %d", points, reached);
  }

  private static void killInDownload(Scene scene, Notes notes) throws Exception {
    Artifact next = scene.lab().next();
    scene.lab().plane().answer(next.model(), BadArtifacts.Way.SLOW);
    scene.order(next);
    scene.awaitPhase("DOWNLOADING");
    scene.kill();
    scene.lab().plane().answer(next.model(), BadArtifacts.Way.WELL);
    scene.restart();
    scene.awaitCommitted();
  }

  private static void killInProbation(Scene scene, Notes notes) throws Exception {
    Artifact next = scene.lab().next();
    scene.expect(next);
    scene
        .lab()
        .plane()
        .order(scene.device(), next, new Plane.Probation(50, Duration.ofSeconds(60)));
    scene.awaitPhase("PROBATION");
    scene.kill();
    scene.restart();
    scene.awaitCommitted();
  }

  private static void killAtRandom(Scene scene, Notes notes) throws Exception {
    Random random = new Random(SEED);
    for (int i = 0; i < KILLS_AT_RANDOM; i++) {
      if (i % 2 == 0) {
        scene.orderNext();
      }
      Thread.sleep(random.nextInt(1500));
      scene.kill();
      scene.restart();
    }
    scene.awaitCommitted();
    notes.figure("%d kills", scene.kills());
  }

  private static void killInWindow(Scene scene, Notes notes) throws Exception {
    Artifact next = scene.lab().next();
    scene.expect(next);
    scene.lab().plane().order(scene.device(), next, Plane.Probation.SHORT, LONG_WINDOW);
    scene.awaitCommitted();
    Await.until(
        Scene.PATIENCE,
        "the begin of a window",
        () -> System.currentTimeMillis() % LONG_WINDOW.toMillis() < LONG_WINDOW.toMillis() / 5,
        scene::state);
    long before = scene.application().answered();
    Await.until(
        Scene.PATIENCE,
        "some predictions",
        () -> scene.application().answered() >= before + IN_WINDOW,
        scene::state);
    scene.application().pause();
    long answered = scene.application().answered();
    Await.within(WRITTEN_WITHIN, () -> false);
    long sent = scene.lab().plane().counted(scene.device());
    scene.kill();
    scene.restart();
    boolean exact =
        Await.within(Scene.PATIENCE, () -> scene.lab().plane().counted(scene.device()) == answered);
    notes.require(
        exact,
        "%d predictions were answered two seconds before the kill, %d are counted",
        answered,
        scene.lab().plane().counted(scene.device()));
    notes.figure("%d predictions in no record at the kill", answered - sent);
    scene.application().resume();
  }

  /** What a supervisor does: starts it again until it stays. Returns the number of starts. */
  static int supervise(Scene scene, int startsMax) throws Exception {
    int starts = 0;
    while (starts < startsMax) {
      if (!scene.agent().isUp()) {
        scene.died();
        starts++;
        scene.agent().tryStart();
        continue;
      }
      if (!scene.agent().awaitEnd(Duration.ofSeconds(2))) {
        break;
      }
    }
    return starts;
  }
}
