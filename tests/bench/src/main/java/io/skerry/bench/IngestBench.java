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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
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
      Pace pace = run(plane, load, model, devices, first);
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
      return new Claim(
          "ingest-rate",
          ">= 3000",
          Math.round(pace.rate()),
          "window messages/s stored, merged and judged",
          pace.rate() >= RATE_MIN && verdicts == WINDOWS,
          String.format(
              Locale.ROOT,
              "%d devices x %d streams x %d windows, from the first message to the last verdict; beside"
                  + " each other storing %.0f/s, judging %.0f/s; in %d of %d windows every device"
                  + " was judged, after %d of learning; %d cores, no broker, generator in the same"
                  + " process (%.1f of %.1f s)",
              devices,
              load.streams(),
              WINDOWS,
              pace.storing(),
              pace.judging(),
              verdicts,
              WINDOWS,
              LEARNED,
              Runtime.getRuntime().availableProcessors(),
              pace.generatedSeconds(),
              devices * WINDOWS / pace.rate()));
    } finally {
      delete(folder);
    }
  }

  /**
   * How fast it went, in windows of devices a second.
   *
   * @param rate from the first message to the last verdict
   * @param storing of the time that storing took
   * @param judging of the time that judging took
   * @param generatedSeconds that making the messages took between
   */
  private record Pace(double rate, double storing, double judging, double generatedSeconds) {}

  // A server's judge has a thread of its own: while it judges a window, the next one comes.
  private static Pace run(
      QuietPlane plane, WindowLoad load, ModelRef model, int devices, long first)
      throws InterruptedException, ExecutionException {
    Judge judge = new Judge(plane.bean(Judge.type()));
    long generated = 0;
    long stored = 0;
    AtomicLong judged = new AtomicLong();
    List<Future<?>> verdicts = new ArrayList<>();
    long start = System.nanoTime();
    try (ExecutorService judging = Executors.newSingleThreadExecutor()) {
      for (int window = 0; window < WINDOWS; window++) {
        long of = first + window;
        for (int at = 0; at < devices; at += BATCH) {
          long from = System.nanoTime();
          List<InboundMessage> messages = new ArrayList<>();
          for (int device = at; device < Math.min(devices, at + BATCH); device++) {
            messages.add(load.message(model, device, LEARNED + window + 1, of, 1));
          }
          long made = System.nanoTime();
          plane.store(messages);
          generated += made - from;
          stored += System.nanoTime() - made;
        }
        long end = System.nanoTime();
        verdicts.add(
            judging.submit(
                () -> {
                  // A window is judged without what came in the last moments.
                  Thread.sleep(Math.max(0, SETTLE_MILLIS - (System.nanoTime() - end) / 1_000_000));
                  long from = System.nanoTime();
                  boolean done = judge.judge(model, WindowLoad.WINDOW_MILLIS, of);
                  judged.addAndGet(System.nanoTime() - from);
                  return done;
                }));
      }
      for (Future<?> verdict : verdicts) {
        verdict.get();
      }
    }
    double windows = (double) devices * WINDOWS;
    return new Pace(
        windows * 1e9 / (System.nanoTime() - start),
        windows * 1e9 / stored,
        windows * 1e9 / judged.get(),
        generated / 1e9);
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
