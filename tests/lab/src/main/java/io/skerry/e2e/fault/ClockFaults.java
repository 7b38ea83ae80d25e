package io.skerry.e2e.fault;

import io.skerry.e2e.scene.Scene;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** The device's clock is wrong. */
final class ClockFaults {
  private static final Duration TEN_YEARS = Duration.ofDays(3653);
  private static final Duration HOUR = Duration.ofHours(1);

  private ClockFaults() {}

  static List<Fault> all() {
    return List.of(
        started("clock-1970", "the device starts at 1970-01-01, as without a battery"),
        Fault.of(
            "clock-ten-years-ahead",
            "the device starts with a clock ten years ahead",
            "an order is carried out",
            (scene, notes) -> startWith(scene, TEN_YEARS)),
        Fault.of(
            "clock-jumps-back",
            "the clock jumps back by an hour in service, then forth again",
            "orders are carried out at either time",
            ClockFaults::jump));
  }

  private static Fault started(String name, String made) {
    return Fault.of(
        name,
        made,
        "an order is carried out",
        (scene, notes) ->
            startWith(scene, Duration.between(Instant.now(), Instant.EPOCH.plusSeconds(60))));
  }

  private static void startWith(Scene scene, Duration off) throws Exception {
    scene.kill();
    scene.restart(clock(off));
    scene.orderNext();
    scene.awaitCommitted();
  }

  private static void jump(Scene scene, Notes notes) throws Exception {
    scene.agent().ask(clock(HOUR.negated()));
    scene.orderNext();
    scene.awaitCommitted();
    scene.agent().ask(clock(Duration.ZERO));
    scene.orderNext();
    scene.awaitCommitted();
  }

  private static String clock(Duration off) {
    return "clock " + off.toSeconds();
  }
}
