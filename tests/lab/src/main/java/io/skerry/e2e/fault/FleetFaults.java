package io.skerry.e2e.fault;

import io.skerry.e2e.scene.AgentProcess;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Lab;
import io.skerry.e2e.scene.Scene;
import io.skerry.e2e.scene.Storm;
import java.time.Duration;
import java.util.List;

/** Whole devices: copied, left alone for long, all at once. */
final class FleetFaults {
  private static final long SMALL_SPOOL_BYTES = 96L << 10;
  private static final int STORM_SAMPLE = 40;
  private static final int STORM_ALL = 200;

  private FleetFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.whole(
            "identity-cloned",
            "the data folder is copied, key and all, and a second agent runs on the copy",
            "both keep answering their applications; neither fights for the session without"
                + " waits; the first goes on when the copy is gone; the API tells the alarm",
            FleetFaults::cloned),
        Fault.whole(
            "control-plane-gone-for-long",
            "every connection is refused until the spool of 96 KiB has dropped records twice over",
            "predictions go on; what was dropped is counted exactly; the rest is stored",
            FleetFaults::gone),
        Fault.whole(
                "reconnect-storm",
                "40 devices (200 in the bench) lose the broker at once and want it back",
                "all are back, with waits spread over time",
                FleetFaults::storm)
            .alone());
  }

  private static void cloned(Lab lab, Fault.Depth depth, Notes notes) throws Exception {
    try (Scene scene = Scene.open(lab, "identity-cloned");
        AgentProcess copy = scene.copy()) {
      long connections = scene.link().connections();
      copy.start();
      long answered = scene.application().answered();
      Thread.sleep(Duration.ofSeconds(10));
      notes.require(
          scene.application().answered() > answered + 20 && scene.application().failed() == 0,
          "the first device's application: %s",
          scene.state());
      notes.require(copy.isUp(), "the copy ended");
      long taken = scene.link().connections() - connections;
      notes.require(taken <= 20, "%d connections in 10 s: they fight", taken);
      notes.figure("%d connections in 10 s", taken);
      copy.kill();
      scene.kill();
      scene.restart();
      scene.awaitLink(true);
      scene.orderNext();
      scene.awaitCommitted();
      notes.require(
          Await.within(Scene.PATIENCE, () -> lab.plane().device(scene.device()).cloned() != null),
          "no alarm: %s",
          lab.plane().device(scene.device()));
    }
  }

  private static void gone(Lab lab, Fault.Depth depth, Notes notes) throws Exception {
    try (Scene scene = Scene.open(lab, "control-plane-gone-for-long", SMALL_SPOOL_BYTES)) {
      long connections = scene.link().connections();
      scene.link().refuse();
      Await.until(
          Scene.PATIENCE.multipliedBy(2),
          "records dropped twice over",
          () ->
              scene.status().getAsJsonObject("dropped").get("samples").getAsLong()
                  > 2 * scene.status().getAsJsonObject("waiting").get("samples").getAsLong(),
          scene::state);
      notes.figure(
          "asked %d times meanwhile, %s dropped",
          scene.link().connections() - connections, scene.status().getAsJsonObject("dropped"));
      scene.link().heal();
      scene.awaitLink(true);
      Criterion.check(scene, notes, new Criterion.Losses(Criterion.Losses.Cause.AGED, 0));
    }
  }

  private static void storm(Lab lab, Fault.Depth depth, Notes notes) throws Exception {
    int devices = depth == Fault.Depth.ALL ? STORM_ALL : STORM_SAMPLE;
    try (Storm storm = Storm.of(lab, devices)) {
      storm.awaitConnected(devices);
      storm.link().refuse();
      storm.awaitConnected(0);
      Thread.sleep(Duration.ofSeconds(2));
      long before = storm.link().connections();
      long start = System.nanoTime();
      storm.link().heal();
      storm.awaitConnected(devices);
      double seconds = (System.nanoTime() - start) / 1e9;
      long asked = storm.link().connections() - before;
      notes.require(
          asked <= 3L * devices, "%d connections for %d devices: no waits", asked, devices);
      notes.figure("%d devices back within %.1f s, %d connections", devices, seconds, asked);
    }
  }
}
