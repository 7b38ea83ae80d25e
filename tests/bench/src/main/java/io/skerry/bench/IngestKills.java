package io.skerry.bench;

import io.skerry.control.ingest.QuietPlane;
import io.skerry.telemetry.drift.DriftSettings;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Kills the storing and judging process again and again at moments that nobody chose, each time
 * together with the database's connections, and starts it anew ({@link KilledPlane}). What it
 * stored, the verdicts and the incidents must be those of a process that nobody killed.
 */
final class IngestKills {
  private static final String ERRORS = "child.err";
  // Two days of learning, then one of verdicts; in the middle of it a site begins to differ.
  private static final int LEARNED =
      DriftSettings.forWindows(WindowLoad.WINDOW_MILLIS).learningWindows();
  private static final int WINDOWS = LEARNED + 24;
  private static final int MOVES = LEARNED + 8;
  private static final long STORING_MILLIS_MAX = 1500;
  private static final long ACK_MILLIS_MAX = 150;
  private static final long JUDGING_MILLIS_MIN = 20;
  private static final long BEGIN_MILLIS_MAX = 180_000;
  // Of so many some come while a window is judged.
  private static final int KILLS_MANY = 20;
  private static final int KILLED = 128 + 9;
  private static final int TAIL_LINES = 12;

  private final Random random = new Random(11);
  private final long[] acknowledged = new long[KilledPlane.DEVICES];
  private final Path folder;
  private final EmbeddedPostgres postgres;
  private final long first;
  private long judgedThrough = -1;
  private long judgingMillis = JUDGING_MILLIS_MIN;
  private int killed;
  private int killedJudging;

  /** What is to be seen just before a kill. */
  private enum Armed {
    STORING("storing"),
    ACK("ack "),
    JUDGING("judging ");

    private final String line;

    Armed(String line) {
      this.line = line;
    }
  }

  private IngestKills(Path folder, EmbeddedPostgres postgres, long first) {
    this.folder = folder;
    this.postgres = postgres;
    this.first = first;
  }

  static Claim measure(int kills) throws Exception {
    long first = System.currentTimeMillis() / WindowLoad.WINDOW_MILLIS - WINDOWS - 2;
    Path folder = Files.createTempDirectory("sk-kill");
    try {
      Told calm = told(folder.resolve("calm"), first, 0);
      Told disturbed = told(folder.resolve("killed"), first, kills);
      return judged(calm, disturbed, kills);
    } finally {
      IngestBench.delete(folder);
    }
  }

  private static Told told(Path folder, long first, int kills) throws Exception {
    Files.createDirectories(folder);
    try (EmbeddedPostgres postgres = EmbeddedPostgres.builder().start()) {
      IngestKills run = new IngestKills(folder, postgres, first);
      for (boolean done = false; !done; ) {
        done = run.live(kills);
      }
      return run.read();
    }
  }

  // Kills are spread over all windows, learning ones too; the last life comes to the end.
  private boolean live(int kills) throws Exception {
    boolean isLast = killed == kills;
    Armed by = Armed.values()[killed % Armed.values().length];
    long from = by == Armed.STORING ? -1 : (long) WINDOWS * killed / (kills + 1);
    Process child = start();
    Thread patience = Thread.ofVirtual().start(() -> killAfter(child, BEGIN_MILLIS_MAX));
    boolean armed = false;
    boolean done = false;
    boolean judging = false;
    long since = 0;
    try (BufferedReader out =
        new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        note(line);
        done |= line.equals("done");
        if (line.startsWith("judging ")) {
          judging = true;
          since = System.nanoTime();
        } else if (line.startsWith("judged ")) {
          judging = false;
          judgingMillis =
              Math.max(
                  JUDGING_MILLIS_MIN, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - since));
        }
        if (!armed && !isLast && judgedThrough >= from && line.startsWith(by.line)) {
          armed = true;
          patience.interrupt();
          long millis = random.nextLong(millisMax(by));
          Thread.ofVirtual().start(() -> killAfter(child, millis));
        }
        if (line.startsWith("storing") && isLast) {
          patience.interrupt();
        }
      }
    }
    int ended = child.waitFor();
    patience.interrupt();
    if (done && ended == 0) {
      return true;
    }
    if (!armed || ended != KILLED) {
      throw new IOException(
          "the storing process %s:%n%s"
              .formatted(
                  ended == KILLED
                      ? "did not come to '%s' within %d s"
                          .formatted(by.line, BEGIN_MILLIS_MAX / 1000)
                      : "ended with %d by itself".formatted(ended),
                  tail(folder.resolve(ERRORS))));
    }
    killed++;
    killedJudging += judging ? 1 : 0;
    return false;
  }

  private long millisMax(Armed by) {
    return switch (by) {
      case STORING -> STORING_MILLIS_MAX;
      case ACK -> ACK_MILLIS_MAX;
      // The first half of what the last one took: it is to be caught in the act.
      case JUDGING -> judgingMillis / 2;
    };
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

  // A line that the kill cut short tells nothing.
  private void note(String line) {
    String[] parts = line.split(" ", -1);
    if (parts.length == 4 && parts[0].equals("ack") && parts[3].equals(".")) {
      int device = Integer.parseInt(parts[1]);
      acknowledged[device] = Math.max(acknowledged[device], Long.parseLong(parts[2]));
    } else if (parts.length == 3 && parts[0].equals("judged") && parts[2].equals(".")) {
      judgedThrough = Math.max(judgedThrough, Long.parseLong(parts[1]));
    }
  }

  private Process start() throws IOException {
    Files.writeString(
        folder.resolve("acknowledged"),
        Arrays.stream(acknowledged)
            .mapToObj(Long::toString)
            .collect(Collectors.joining("\n", "", "\n")));
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            KilledPlane.class.getName(),
            IngestBench.url(postgres),
            folder.toString(),
            Long.toString(first),
            Integer.toString(WINDOWS),
            Integer.toString(MOVES))
        .redirectError(folder.resolve(ERRORS).toFile())
        .start();
  }

  /**
   * What a run left.
   *
   * @param lost records that were acknowledged and are not there
   * @param rows windows that are stored
   * @param stored the same as ledgers count them
   * @param missing records that ledgers wait for
   * @param counter the same as the counter of windows does
   * @param verdicts each judged window with all that was found in it, without when it was read
   * @param withVerdicts of these, those in which anything was judged
   * @param incidents each as it stands
   * @param scores what each judged window's scores add up to
   */
  private record Told(
      int kills,
      int killsJudging,
      long acknowledged,
      long lost,
      long rows,
      long stored,
      long missing,
      long counter,
      List<String> verdicts,
      long withVerdicts,
      List<String> incidents,
      List<String> scores) {
    long wrong() {
      return lost + missing + Math.abs(stored - rows) + Math.abs(counter - rows);
    }
  }

  private Told read() {
    try (QuietPlane plane = new QuietPlane(IngestBench.url(postgres), folder.resolve("data"))) {
      return plane
          .database()
          .call(
              transaction -> {
                long lost = 0;
                for (int device = 0; device < acknowledged.length; device++) {
                  lost +=
                      acknowledged[device]
                          - transaction.number(
                              "select count(*) from telemetry_window where device = ?"
                                  + " and sequence <= ?",
                              "device-" + device,
                              acknowledged[device]);
                }
                return new Told(
                    killed,
                    killedJudging,
                    Arrays.stream(acknowledged).sum(),
                    lost,
                    transaction.number("select count(*) from telemetry_window"),
                    transaction.number("select sum(stored) from ingest_ledger"),
                    transaction.number(
                        "select sum(highest - stored - given_up - damaged) from ingest_ledger"),
                    transaction.number(
                        "select value from telemetry_counter where name = 'windows'"),
                    transaction.list(
                        """
                        select concat_ws(' ', window_index, records, late, outcomes, learning,
                          judged, verdicts, distances) as told
                        from drift_window order by window_index
                        """,
                        row -> row.text("told")),
                    transaction.number(
                        "select count(*) from drift_window where judged > 0 and verdicts <> '[]'"),
                    transaction.list(
                        """
                        select concat_ws(' ', cohort, feature, version, state, onset_window,
                          opened_window, confirmations, resolved_after, finding, harm) as told
                        from incident order by number
                        """,
                        row -> row.text("told")),
                    transaction.list(
                        """
                        select concat_ws(' ', window_index, version, profile, counts) as told
                        from drift_score order by window_index, version, profile
                        """,
                        row -> row.text("told")));
              });
    }
  }

  private static Claim judged(Told calm, Told killed, int kills) {
    long different =
        different(calm.verdicts(), killed.verdicts())
            + different(calm.incidents(), killed.incidents())
            + different(calm.scores(), killed.scores());
    long wrong = calm.wrong() + killed.wrong() + different;
    return new Claim(
        "ingest-kill",
        "= 0",
        wrong,
        "records lost after their acknowledgement, or counted twice, or windows and incidents that"
            + " are not those of a process that nobody killed",
        wrong == 0
            && killed.acknowledged() == (long) KilledPlane.DEVICES * WINDOWS
            && killed.verdicts().size() == WINDOWS
            && killed.withVerdicts() >= WINDOWS - LEARNED
            && killed.kills() == kills
            && (kills < KILLS_MANY || killed.killsJudging() > 0)
            && !killed.incidents().isEmpty(),
        ("%d kills of the storing and judging process, %d while a window was judged; %d records"
                + " acknowledged, lost %d; %d stored, counted by ledgers %d, by the counter %d; of"
                + " %d windows, %d with verdicts, and %d incidents %d differ")
            .formatted(
                killed.kills(),
                killed.killsJudging(),
                killed.acknowledged(),
                killed.lost(),
                killed.rows(),
                killed.stored(),
                killed.counter(),
                killed.verdicts().size(),
                killed.withVerdicts(),
                killed.incidents().size(),
                different));
  }

  private static long different(List<String> calm, List<String> killed) {
    long different = Math.abs(calm.size() - killed.size());
    for (int i = 0; i < Math.min(calm.size(), killed.size()); i++) {
      different += calm.get(i).equals(killed.get(i)) ? 0 : 1;
    }
    return different;
  }
}
