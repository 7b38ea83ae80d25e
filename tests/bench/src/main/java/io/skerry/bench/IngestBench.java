package io.skerry.bench;

import io.skerry.control.drift.Judge;
import io.skerry.control.ingest.QuietPlane;
import io.skerry.control.link.InboundMessage;
import io.skerry.telemetry.drift.DriftSettings;
import io.skerry.wire.fleet.v1.ModelRef;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * How fast windows are stored, merged and judged, and what a kill leaves behind.
 *
 * <p>Messages are handed to ingest as the broker's client hands them over; the broker itself is not
 * part of what is measured. PostgreSQL is, with its default of flushing every commit.
 */
final class IngestBench {
  private static final int DEVICES = 10_000;
  // As many windows make a device's baseline: none is judged before.
  private static final int LEARNED =
      DriftSettings.forWindows(WindowLoad.WINDOW_MILLIS).learningWindows();
  private static final int LEARNED_AT_ONCE = 8;
  private static final int WINDOWS = 8;
  private static final int BATCH = 500;
  private static final double RATE_MIN = 3000;
  private static final long SETTLE_MILLIS = 400;

  private IngestBench() {}

  static List<Claim> measure(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
      throws Exception {
    List<Claim> claims = new ArrayList<>();
    if (wanted.test("ingest-rate")) {
      claims.add(rate(quick ? DEVICES / 10 : DEVICES));
      told.accept(claims.getLast());
    }
    if (wanted.test("ingest-kill")) {
      claims.add(IngestKills.measure(quick ? 5 : 25));
      told.accept(claims.getLast());
    }
    return claims;
  }

  private static Claim rate(int devices) throws Exception {
    Path folder = Files.createTempDirectory("sk-ingest");
    try (EmbeddedPostgres postgres = EmbeddedPostgres.builder().start();
        QuietPlane plane = new QuietPlane(url(postgres), folder.resolve("data"))) {
      WindowLoad load = new WindowLoad(7);
      ModelRef model = load.enrol(plane, folder.resolve("layout"), devices);
      long first = System.currentTimeMillis() / WindowLoad.WINDOW_MILLIS - WINDOWS - 2;
      learn(plane, load, model, devices, first - LEARNED);
      long storeNanos = 0;
      long judgeNanos = 0;
      List<Double> rates = new ArrayList<>();
      for (int window = 0; window < WINDOWS; window++) {
        List<InboundMessage> messages = new ArrayList<>();
        for (int device = 0; device < devices; device++) {
          messages.add(load.message(model, device, LEARNED + window + 1, first + window, 1));
        }
        long start = System.nanoTime();
        for (int at = 0; at < devices; at += BATCH) {
          plane.store(messages.subList(at, Math.min(devices, at + BATCH)));
        }
        long stored = System.nanoTime() - start;
        // A window is judged without what came in the last moments.
        Thread.sleep(SETTLE_MILLIS);
        start = System.nanoTime();
        new Judge(plane.bean(Judge.type())).judgeDue();
        long judged = System.nanoTime() - start;
        storeNanos += stored;
        judgeNanos += judged;
        rates.add(devices * 1e9 / (stored + judged));
      }
      long verdicts =
          plane
              .database()
              .<Long>call(
                  transaction ->
                      transaction.number(
                          "select count(*) from drift_window where window_index >= ?"
                              + " and records = ? and judged = ? and verdicts <> '[]'",
                          first,
                          devices,
                          devices));
      rates.sort(Comparator.naturalOrder());
      double median = rates.get(rates.size() / 2);
      return new Claim(
          "ingest-rate",
          ">= 3000",
          Math.round(median),
          "window messages/s stored, merged and judged",
          median >= RATE_MIN && verdicts == WINDOWS,
          String.format(
              Locale.ROOT,
              "%d devices x %d streams x %d windows, median of windows; storing %.0f/s, judging %.0f/s;"
                  + " in %d of %d windows every device was judged, after %d of learning; %d cores,"
                  + " generator in the same process, no broker",
              devices,
              load.streams(),
              WINDOWS,
              devices * WINDOWS * 1e9 / storeNanos,
              devices * WINDOWS * 1e9 / judgeNanos,
              verdicts,
              WINDOWS,
              LEARNED,
              Runtime.getRuntime().availableProcessors()));
    } finally {
      delete(folder);
    }
  }

  // Not timed.
  private static void learn(
      QuietPlane plane, WindowLoad load, ModelRef model, int devices, long first)
      throws InterruptedException {
    List<InboundMessage> messages = new ArrayList<>();
    for (int window = 0; window < LEARNED; window += LEARNED_AT_ONCE) {
      for (int device = 0; device < devices; device++) {
        messages.add(load.message(model, device, window + 1, first + window, LEARNED_AT_ONCE));
        if (messages.size() == BATCH || device == devices - 1) {
          plane.store(messages);
          messages.clear();
        }
      }
      Thread.sleep(SETTLE_MILLIS);
      new Judge(plane.bean(Judge.type())).judgeDue();
    }
  }

  static String url(EmbeddedPostgres postgres) {
    return "jdbc:postgresql://127.0.0.1:%d/postgres".formatted(postgres.getPort());
  }

  static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
