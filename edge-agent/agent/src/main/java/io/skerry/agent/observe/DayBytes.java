package io.skerry.agent.observe;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What was sent of each version in a UTC day, kept over restarts: a device that starts again and
 * again has one day's bytes, not one for each start. Thread-safe: a version that is put in reads it
 * while another sends.
 *
 * <p>The file holds a line for each version and kind: {@code day manifest kind bytes}. It is
 * written ahead: what it says is never less than what was sent, and at most a sixty-fourth of the
 * day's bytes more.
 */
public final class DayBytes {
  /** Versions and kinds that are remembered; those of the oldest days go first. */
  static final int ENTRIES_MAX = 128;

  private static final Logger log = LoggerFactory.getLogger(DayBytes.class);
  private static final int STEPS = 64;

  /** What is counted. */
  enum Kind {
    WINDOWS,
    SAMPLES
  }

  /**
   * What was sent, or may have been.
   *
   * @param day since 1970
   */
  record Sent(long day, long bytes) {}

  private record Key(String manifest, Kind kind) {}

  private final @Nullable Disk disk;
  private final Path file;
  private final Map<Key, Sent> kept = new LinkedHashMap<>();

  private DayBytes(@Nullable Disk disk, Path file) {
    this.disk = disk;
    this.file = file;
  }

  /** Remembers nothing over restarts. */
  public static DayBytes forgetful() {
    return new DayBytes(null, Path.of(""));
  }

  /** What the data folder remembers; nothing when that cannot be read. */
  public static DayBytes open(Disk disk, Path dataDir) {
    DayBytes days = new DayBytes(disk, dataDir.resolve("day-bytes"));
    try {
      DurableFile.read(disk, days.file)
          .ifPresent(
              bytes -> new String(bytes, StandardCharsets.UTF_8).lines().forEach(days::read));
    } catch (IOException | IllegalArgumentException e) {
      log.atWarn()
          .addKeyValue("file", days.file)
          .setCause(e)
          .log("what was sent today is not known");
    }
    return days;
  }

  private void read(String line) {
    String[] parts = line.split(" ", -1);
    if (parts.length != 4) {
      throw new IllegalArgumentException("'%s' has not four parts".formatted(line));
    }
    kept.put(
        new Key(parts[1], Kind.valueOf(parts[2])),
        new Sent(Long.parseLong(parts[0]), Long.parseLong(parts[3])));
  }

  /** What was sent on the last day that is remembered. */
  synchronized Optional<Sent> of(String manifest, Kind kind) {
    return Optional.ofNullable(kept.get(new Key(manifest, kind)));
  }

  /**
   * So many bytes were, or are about to be, sent on a day.
   *
   * @param bytesPerDay that may be sent; 0 = no limit, then nothing is remembered
   */
  synchronized void sent(String manifest, Kind kind, long day, long bytes, long bytesPerDay) {
    if (bytesPerDay <= 0) {
      return;
    }
    Key key = new Key(manifest, kind);
    Sent before = kept.get(key);
    if (before != null && before.day() == day && bytes <= before.bytes()) {
      return;
    }
    long step = Math.max(1, bytesPerDay / STEPS);
    kept.remove(key);
    kept.put(key, new Sent(day, Math.ceilDiv(bytes, step) * step));
    if (kept.size() > ENTRIES_MAX) {
      kept.remove(kept.keySet().iterator().next());
    }
    write();
  }

  private void write() {
    if (disk == null) {
      return;
    }
    StringBuilder text = new StringBuilder();
    kept.forEach(
        (key, sent) ->
            text.append(sent.day())
                .append(' ')
                .append(key.manifest())
                .append(' ')
                .append(key.kind())
                .append(' ')
                .append(sent.bytes())
                .append('\n'));
    try {
      DurableFile.write(disk, file, text.toString().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      log.atWarn()
          .addKeyValue("file", file)
          .setCause(e)
          .log("what was sent today is remembered until the agent ends");
    }
  }
}
