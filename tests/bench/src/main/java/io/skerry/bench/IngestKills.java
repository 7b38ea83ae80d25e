package io.skerry.bench;

import io.skerry.control.ingest.QuietPlane;
import io.skerry.control.link.InboundMessage;
import io.skerry.protocol.CommittedRange;
import io.skerry.wire.fleet.v1.ModelRef;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Kills the storing process again and again at moments that nobody chose, each time together with
 * the database's connections, and starts it anew. The devices are played here: they send again
 * whatever was not acknowledged, and some of what was.
 */
public final class IngestKills {
  private static final String ERRORS = "child.err";
  private static final int DEVICES = 200;
  private static final int RECORDS = 4;
  private static final int MESSAGES = 40;
  private static final long ALIVE_MILLIS_MAX = 1500;
  private static final long BEGIN_MILLIS_MAX = 120_000;
  private static final int KILLED = 128 + 9;
  private static final int TAIL_LINES = 12;

  private IngestKills() {}

  static Claim measure(int kills) throws Exception {
    Path folder = Files.createTempDirectory("sk-kill");
    Random random = new Random(11);
    long[] acknowledged = new long[DEVICES];
    try (EmbeddedPostgres postgres = EmbeddedPostgres.builder().start()) {
      int killed = 0;
      while (killed < kills) {
        Process child = start(IngestBench.url(postgres), folder, acknowledged);
        // Most kills come while it stores at full speed, some while it begins.
        String armedBy = killed % 3 == 2 ? "storing" : "ack";
        boolean armed = false;
        Thread patience = Thread.ofVirtual().start(() -> killAfter(child, BEGIN_MILLIS_MAX));
        try (BufferedReader out =
            new BufferedReader(
                new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
          for (String line = out.readLine(); line != null; line = out.readLine()) {
            note(line, acknowledged);
            if (!armed && line.startsWith(armedBy)) {
              armed = true;
              patience.interrupt();
              long millis = random.nextLong(ALIVE_MILLIS_MAX);
              Thread.ofVirtual().start(() -> killAfter(child, millis));
            }
          }
        }
        int ended = child.waitFor();
        patience.interrupt();
        if (!armed || ended != KILLED) {
          throw new IOException(
              "the storing process %s:%n%s"
                  .formatted(
                      ended == KILLED
                          ? "did not tell '%s' within %d s"
                              .formatted(armedBy, BEGIN_MILLIS_MAX / 1000)
                          : "ended with %d by itself".formatted(ended),
                      tail(folder.resolve(ERRORS))));
        }
        killed++;
      }
      return judged(postgres, folder, kills, acknowledged);
    } finally {
      IngestBench.delete(folder);
    }
  }

  private static void killAfter(Process child, long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      return;
    }
    // Process.destroyForcibly would close the pipe that is being read.
    child.toHandle().destroyForcibly();
  }

  private static String tail(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    return String.join("\n", lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size()));
  }

  // A line that the kill cut short is no acknowledgement.
  private static void note(String line, long[] acknowledged) {
    String[] parts = line.split(" ", -1);
    if (parts.length == 4 && parts[0].equals("ack") && parts[3].equals(".")) {
      int device = Integer.parseInt(parts[1]);
      acknowledged[device] = Math.max(acknowledged[device], Long.parseLong(parts[2]));
    }
  }

  private static Process start(String url, Path folder, long[] acknowledged) throws IOException {
    StringBuilder known = new StringBuilder();
    for (long one : acknowledged) {
      known.append(one).append('\n');
    }
    Path file = folder.resolve("acknowledged");
    Files.writeString(file, known);
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            IngestKills.class.getName(),
            url,
            folder.toString())
        .redirectError(folder.resolve(ERRORS).toFile())
        .start();
  }

  /** The storing process: a database's address and a folder. */
  public static void main(String[] arguments) throws Exception {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Path folder = Path.of(arguments[1]);
    List<Long> known =
        Files.readAllLines(folder.resolve("acknowledged")).stream().map(Long::valueOf).toList();
    try (QuietPlane plane = new QuietPlane(arguments[0], folder.resolve("data"))) {
      WindowLoad load = new WindowLoad(7);
      ModelRef model = load.enrol(plane, Files.createTempDirectory(folder, "layout"), DEVICES);
      System.out.println("storing");
      System.out.flush();
      long first = System.currentTimeMillis() / WindowLoad.WINDOW_MILLIS - 2000;
      long[] next = new long[DEVICES];
      for (int device = 0; device < DEVICES; device++) {
        // What an acknowledgement that got lost makes a device send again, and a little more.
        next[device] = Math.max(1, known.get(device) + 1 - RECORDS);
      }
      Random random = new Random();
      while (true) {
        List<InboundMessage> messages = new ArrayList<>();
        for (int i = 0; i < MESSAGES; i++) {
          int device = random.nextInt(DEVICES);
          messages.add(
              load.message(model, device, next[device], first + next[device] % 1000, RECORDS));
          next[device] += 1 + random.nextInt(RECORDS);
        }
        plane
            .store(messages)
            .forEach(
                (device, ranges) -> {
                  for (CommittedRange range : ranges) {
                    System.out.printf(
                        "ack %s %d .%n", device.value().substring(7), range.through());
                  }
                });
        System.out.flush();
      }
    }
  }

  private record Counted(long rows, long stored, long missing, long counter) {}

  private static Claim judged(
      EmbeddedPostgres postgres, Path folder, int kills, long[] acknowledged) {
    try (QuietPlane plane = new QuietPlane(IngestBench.url(postgres), folder.resolve("data"))) {
      long lost = 0;
      long sum = 0;
      for (int device = 0; device < acknowledged.length; device++) {
        long through = acknowledged[device];
        String id = "device-" + device;
        lost +=
            plane
                .database()
                .<Long>call(
                    transaction ->
                        through
                            - transaction.number(
                                "select count(*) from telemetry_window where device = ?"
                                    + " and sequence <= ?",
                                id,
                                through));
        sum += through;
      }
      Counted counted =
          plane
              .database()
              .call(
                  transaction ->
                      new Counted(
                          transaction.number("select count(*) from telemetry_window"),
                          transaction.number("select sum(stored) from ingest_ledger"),
                          transaction.number(
                              "select sum(highest - stored - given_up - damaged) from ingest_ledger"),
                          transaction.number(
                              "select value from telemetry_counter where name = 'windows'")));
      long wrong =
          lost
              + counted.missing()
              + Math.abs(counted.stored() - counted.rows())
              + Math.abs(counted.counter() - counted.rows());
      return new Claim(
          "ingest-kill",
          "= 0",
          wrong,
          "records lost after their acknowledgement, or counted twice",
          wrong == 0 && sum > 0,
          "%d kills of the storing process; %d records acknowledged, lost %d; %d stored, counted by ledgers %d, by the counter %d"
              .formatted(kills, sum, lost, counted.rows(), counted.stored(), counted.counter()));
    }
  }
}
