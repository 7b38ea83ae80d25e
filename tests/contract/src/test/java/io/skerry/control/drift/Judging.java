package io.skerry.control.drift;

import io.skerry.contract.JudgedWindow;
import io.skerry.control.ingest.QuietPlane;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Transaction;
import java.util.List;

/** Judges windows as the server does. */
public final class Judging {
  private Judging() {}

  /** Judges what is due of a model, and tells from what. */
  public static List<JudgedWindow> judge(QuietPlane plane, String slot, String model, long millis) {
    Track track = new Track(slot, model, millis);
    WindowReader reader =
        new WindowReader(plane.bean(WindowLayouts.class), plane.bean(Monitoring.class));
    // What comes in this very moment is left for the next window.
    while (plane.database().<Boolean>call(Judging::isSettling)) {
      Thread.onSpinWait();
    }
    long before = plane.database().<Long>call(transaction -> DriftStore.lock(transaction, track));
    plane.bean(DriftService.class).judgeDue();
    return plane
        .database()
        .call(
            transaction ->
                DriftStore.judgedAfter(transaction, track, before).stream()
                    .map(judged -> read(transaction, reader, track, judged))
                    .toList());
  }

  private static boolean isSettling(Transaction transaction) {
    return transaction.number(
            """
            select (select count(*) from telemetry_window
                where received_at > clock_timestamp() - interval '400 milliseconds')
              + (select count(*) from device_attributes
                where since > clock_timestamp() - interval '400 milliseconds')
            """)
        > 0;
  }

  // As whoever judges it once more does.
  private static JudgedWindow read(
      Transaction transaction, WindowReader reader, Track track, DriftStore.Judged judged) {
    WindowReader.Window window =
        reader.withOutcomes(transaction, track, judged.window(), judged.receivedUntil());
    WindowReader.Late late =
        judged
            .before()
            .map(
                after ->
                    reader.late(transaction, track, judged.window(), after, judged.receivedUntil()))
            .orElse(WindowReader.Late.NONE);
    if (!judged.isWhole(window, late)) {
      throw new AssertionError("window %d is read otherwise".formatted(judged.window()));
    }
    return JudgedWindow.of(judged.window(), window.devices(), late.windows());
  }
}
