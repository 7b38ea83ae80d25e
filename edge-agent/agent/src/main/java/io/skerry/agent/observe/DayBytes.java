package io.skerry.agent.observe;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.telemetry.sketch.DayUse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What was sent of each model, and of all of them, in a UTC day, kept over restarts: a device that
 * starts again and again, or is given version after version, has one day's bytes, not one for each.
 * Thread-safe, but for what {@link #use} gives.
 *
 * <p>The file holds a line for each model and kind: {@code day model kind bytes limit}, with
 * {@value #DEVICE} for all models and the largest limit of the day in bytes. It is written ahead:
 * what it says is never less than what was sent, and at most a sixty-fourth of the day's bytes
 * more.
 */
public final class DayBytes {
  /** All models of the device together; no model has this name. */
  static final String DEVICE = "*";

  /**
   * Models and kinds that are remembered, more than are watched at a time; those that were longest
   * not written go first, but none that is in use.
   */
  static final int ENTRIES_MAX = 8 * Observer.WATCHED_MAX;

  private static final Logger log = LoggerFactory.getLogger(DayBytes.class);
  private static final int STEPS = 64;

  /** What is counted. */
  enum Kind {
    /** Of the device, also events, and outcomes that have no bytes of their own. */
    WINDOWS,
    SAMPLES,
    OUTCOMES,
    EVENTS
  }

  private record Key(String model, Kind kind) {}

  private static final class Kept {
    private final DayUse use = new DayUse();
    private long day = Long.MIN_VALUE;
    private long bytes;
    private long largest;
    private int users;

    void written(long ofDay, long upTo, long largestPerDay) {
      day = ofDay;
      bytes = upTo;
      largest = largestPerDay;
    }
  }

  private final @Nullable Disk disk;
  private final Path file;
  private final Map<Key, Kept> kept = new LinkedHashMap<>();

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
    // Earlier agents wrote no limit.
    if (parts.length != 4 && parts.length != 5) {
      throw new IllegalArgumentException("'%s' has not five parts".formatted(line));
    }
    Kept read = new Kept();
    read.written(
        Long.parseLong(parts[0]),
        Long.parseLong(parts[3]),
        parts.length == 5 ? Long.parseLong(parts[4]) : 0);
    read.use.resume(read.day, read.bytes, read.largest);
    kept.put(new Key(parts[1], Kind.valueOf(parts[2])), read);
  }

  /**
   * What a model, or the {@link #DEVICE}, sent; the same for all that ask for it. Remembered at
   * least until as many have said {@link #release}.
   */
  synchronized DayUse use(String model, Kind kind) {
    Kept used = kept(new Key(model, kind));
    used.users++;
    return used.use;
  }

  /** One that asked for it does not go on with it. */
  synchronized void release(String model, Kind kind) {
    Kept used = kept.get(new Key(model, kind));
    if (used != null && used.users > 0) {
      used.users--;
    }
  }

  private Kept kept(Key key) {
    Kept known = kept.computeIfAbsent(key, missing -> new Kept());
    if (kept.size() > ENTRIES_MAX) {
      kept.entrySet().stream()
          .filter(entry -> entry.getValue().users == 0 && !entry.getKey().equals(key))
          .map(Map.Entry::getKey)
          .findFirst()
          .ifPresent(kept::remove);
    }
    return known;
  }

  /**
   * So many bytes of a day were, or are about to be, sent.
   *
   * @param used as the budget counts them
   * @param bytesPerDay the largest limit of the day; 0 = no limit, then nothing is remembered
   */
  synchronized void sent(String model, Kind kind, long day, long used, long bytesPerDay) {
    if (bytesPerDay <= 0) {
      return;
    }
    Key key = new Key(model, kind);
    Kept before = kept(key);
    if (before.day == day && used <= before.bytes) {
      return;
    }
    long step = Math.max(1, bytesPerDay / STEPS);
    before.written(day, Math.ceilDiv(used, step) * step, bytesPerDay);
    // Moved to the end.
    kept.remove(key);
    kept.put(key, before);
    write();
  }

  private void write() {
    if (disk == null) {
      return;
    }
    StringBuilder text = new StringBuilder();
    kept.forEach(
        (key, sent) -> {
          if (sent.day != Long.MIN_VALUE) {
            text.append(sent.day)
                .append(' ')
                .append(key.model())
                .append(' ')
                .append(key.kind())
                .append(' ')
                .append(sent.bytes)
                .append(' ')
                .append(sent.largest)
                .append('\n');
          }
        });
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
