package io.skerry.agent.time;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DurableFile;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The device's time: the system's, unless something proves that to be wrong.
 *
 * <p>There is a <em>floor</em>, which the true time has certainly passed: when this program was
 * built, the newest time that somebody trusted signed, and since then every second that this
 * machine has counted. The system's clock never moves it, so that a clock that is ten years ahead
 * leaves nothing behind once it is right again. And there is a <em>proven</em> time, once the
 * control plane answered in this run what time it is; the system's clock counts only while it
 * agrees with that.
 *
 * <p>Who signed a time is kept with it: a stolen key can move the floor far ahead, and must not do
 * so for longer than it is believed. When root gives a role other keys, the floor that the old ones
 * signed is forgotten ({@link #believe}); and an answer to this device's own question outranks what
 * anybody else signed.
 *
 * <p>Time can go back when a wrong clock is put right, and never below the floor. Thread-safe.
 */
public final class DeviceClock implements InstantSource {
  private static final Logger log = LoggerFactory.getLogger(DeviceClock.class);

  /** How far the system's clock may be from what was proven, and still counts. */
  static final Duration TOLERANCE = Duration.ofMinutes(2);

  /** An answer that took longer proves nothing. */
  static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);

  /** How often the floor is written while nothing signed arrives. */
  static final Duration WRITTEN_EVERY = Duration.ofHours(1);

  // No crystal is off by more than a part in ten thousand.
  private static final long COUNTER_FAST_BY = 10_000;

  private static final int NONCE_BYTES = 16;

  /** Signer of what needs no signature: when this program was built, and the machine's counter. */
  private static final String NOBODY = "-";

  private final Disk disk;
  private final Path file;
  private final InstantSource system;
  private final LongSupplier nanos;
  private final RandomGenerator random;
  private volatile Floors floors;
  private volatile Optional<Mark> proven = Optional.empty();
  private String provenBy = NOBODY;
  private Mark watched;
  private long writtenNanos;

  /** A time, and what the machine had counted then. */
  private record Mark(Instant at, long nanos) {
    Instant after(long now) {
      return at.plusNanos(now - nanos);
    }

    /** The same by a counter that may run fast: what has certainly passed. */
    Instant leastAfter(long now) {
      long passed = now - nanos;
      return at.plusNanos(passed - passed / COUNTER_FAST_BY);
    }
  }

  /** By who signed them, and the same to be gone through with every look at the clock. */
  private record Floors(Map<String, Mark> bySigner, List<Mark> marks) {
    static Floors of(Map<String, Mark> bySigner) {
      return new Floors(Map.copyOf(bySigner), List.copyOf(bySigner.values()));
    }
  }

  /** Asks the control plane what time it is. */
  @FunctionalInterface
  public interface Question {
    /**
     * The answer's envelope in JSON.
     *
     * @param nonce 32 hex digits that the answer must hold
     */
    byte[] ask(String nonce) throws IOException, InterruptedException;
  }

  /**
   * What the clock is made of.
   *
   * @param corrected what is added to the system's time now
   */
  public record Reading(Instant system, Instant floor, Duration corrected) {}

  private DeviceClock(
      Disk disk,
      Path file,
      InstantSource system,
      LongSupplier nanos,
      RandomGenerator random,
      Map<String, Instant> floors) {
    this.random = random;
    this.disk = disk;
    this.file = file;
    this.system = system;
    this.nanos = nanos;
    long now = nanos.getAsLong();
    Map<String, Mark> marks = new HashMap<>();
    floors.forEach((signer, floor) -> marks.put(signer, new Mark(floor, now)));
    this.floors = Floors.of(marks);
    this.watched = new Mark(system.instant(), now);
    this.writtenNanos = now;
  }

  /** The clock of a data folder, on this machine. */
  public static DeviceClock open(Disk disk, Path dataDir, Instant builtAt) {
    return open(disk, dataDir, builtAt, InstantSource.system(), System::nanoTime);
  }

  /**
   * The clock of a data folder. A floor that cannot be read is forgotten: it is not worth a device
   * that does not start.
   *
   * @param builtAt when this program was built
   * @param nanos counts while the machine runs, from anywhere, and never back
   */
  public static DeviceClock open(
      Disk disk, Path dataDir, Instant builtAt, InstantSource system, LongSupplier nanos) {
    return open(disk, dataDir, builtAt, system, nanos, new SecureRandom());
  }

  /**
   * The same with another source of nonces.
   *
   * @param random must not be guessed by whoever can answer in the control plane's place
   */
  public static DeviceClock open(
      Disk disk,
      Path dataDir,
      Instant builtAt,
      InstantSource system,
      LongSupplier nanos,
      RandomGenerator random) {
    Path file = dataDir.resolve("time-floor");
    Map<String, Instant> floors = new HashMap<>(Map.of(NOBODY, builtAt));
    try {
      Optional<byte[]> written = DurableFile.read(disk, file);
      if (written.isPresent()) {
        for (String line : new String(written.get(), StandardCharsets.US_ASCII).split("\n", -1)) {
          String[] words = line.split(" ", 2);
          // A line without a signer is of an agent that did not write them.
          floors.merge(
              words.length == 2 ? words[1] : NOBODY, Instant.parse(words[0]), DeviceClock::later);
        }
      }
    } catch (IOException | DateTimeException e) {
      log.atWarn().addKeyValue("file", file).setCause(e).log("time floor forgotten");
    }
    return new DeviceClock(disk, file, system, nanos, random, floors);
  }

  private static Instant later(Instant one, Instant other) {
    return one.isBefore(other) ? other : one;
  }

  @Override
  public Instant instant() {
    return instant(system.instant(), nanos.getAsLong());
  }

  private Instant instant(Instant told, long now) {
    return later(best(told, now), floor(now));
  }

  // Asked many times for each prediction's record: without streams and lambdas.
  private Instant best(Instant told, long now) {
    Optional<Mark> known = proven;
    if (known.isEmpty()) {
      return told;
    }
    Instant truth = known.get().after(now);
    return Duration.between(truth, told).abs().compareTo(TOLERANCE) > 0 ? truth : told;
  }

  private Instant floor(long now) {
    Instant highest = Instant.MIN;
    List<Mark> marks = floors.marks();
    for (int i = 0; i < marks.size(); i++) {
      highest = later(highest, marks.get(i).leastAfter(now));
    }
    return highest;
  }

  /** What the clock is made of now. */
  public Reading reading() {
    Instant told = system.instant();
    long now = nanos.getAsLong();
    return new Reading(told, floor(now), Duration.between(told, instant(told, now)));
  }

  /**
   * Whether the system's clock cannot be right, or was moved while this runs: a reason to ask the
   * control plane.
   */
  public synchronized boolean isDoubtful() {
    long now = nanos.getAsLong();
    Instant told = system.instant();
    boolean moved = Duration.between(watched.after(now), told).abs().compareTo(TOLERANCE) > 0;
    return moved || told.isBefore(floor(now));
  }

  /**
   * Takes a time that somebody trusted has signed, at any time before now: the floor rises to it,
   * unless the control plane has answered in this run that it is earlier.
   *
   * @param signer the role that signed, see {@link io.skerry.artifact.trust.Role#id}
   */
  public synchronized void passed(Instant signedAt, String signer) {
    long now = nanos.getAsLong();
    if (proven.filter(mark -> isAhead(signedAt, mark, now)).isPresent()) {
      log.atError()
          .addKeyValue("signed", signedAt)
          .addKeyValue("now", instant())
          .log("a time of the future was signed: is that key stolen?");
      return;
    }
    if (floor(now).isBefore(signedAt)) {
      Map<String, Mark> risen = new HashMap<>(floors.bySigner());
      risen.put(signer, new Mark(signedAt, now));
      floors = Floors.of(risen);
      write(now);
    }
  }

  private static boolean isAhead(Instant at, Mark truth, long now) {
    return Duration.between(truth.after(now), at).compareTo(TOLERANCE) > 0;
  }

  /** Forgets what was signed by anybody else than these roles: their keys were rotated away. */
  public synchronized void believe(Set<String> signers) {
    if (!signers.contains(provenBy)) {
      proven = Optional.empty();
      provenBy = NOBODY;
    }
    keep((signer, mark) -> signers.contains(signer));
  }

  private void keep(BiPredicate<String, Mark> rule) {
    Map<String, Mark> kept = new HashMap<>(floors.bySigner());
    kept.entrySet()
        .removeIf(
            floor ->
                !floor.getKey().equals(NOBODY) && !rule.test(floor.getKey(), floor.getValue()));
    if (kept.size() < floors.marks().size()) {
      floors = Floors.of(kept);
      write(nanos.getAsLong());
      log.atWarn().addKeyValue("floor", floor(nanos.getAsLong())).log("time floor lowered");
    }
  }

  /**
   * Asks what time it is, and believes an answer that the director role signed for this question.
   *
   * @throws IOException if there is no answer in time
   * @throws SignatureInvalidException if the answer is not signed, or answers another question
   */
  public void ask(Question question, Trust trust) throws IOException, InterruptedException {
    byte[] bytes = new byte[NONCE_BYTES];
    random.nextBytes(bytes);
    String nonce = HexFormat.of().formatHex(bytes);
    long asked = nanos.getAsLong();
    byte[] answer = question.ask(nonce);
    long answered = nanos.getAsLong();
    Duration took = Duration.ofNanos(answered - asked);
    if (took.compareTo(ANSWER_WITHIN) > 0) {
      throw new IOException(
          "the time came after %d s, at most %d s are allowed"
              .formatted(took.toSeconds(), ANSWER_WITHIN.toSeconds()));
    }
    SignedTime time = SignedTime.open(answer, trust);
    if (!time.nonce().equals(nonce)) {
      throw new SignatureInvalidException("signed time answers another question");
    }
    prove(time.at(), trust.root().director().id(), took.dividedBy(2), answered);
  }

  private synchronized void prove(Instant at, String signer, Duration travelled, long now) {
    Duration before = reading().corrected();
    Mark truth = new Mark(at.plus(travelled), now);
    proven = Optional.of(truth);
    provenBy = signer;
    watched = new Mark(system.instant(), now);
    keep((other, mark) -> !isAhead(mark.leastAfter(now), truth, now));
    passed(at, signer);
    Duration after = reading().corrected();
    if (!before.equals(after) && after.abs().compareTo(TOLERANCE) > 0) {
      log.atWarn()
          .addKeyValue("system", system.instant())
          .addKeyValue("correctedSeconds", after.toSeconds())
          .log("system clock is wrong, and corrected");
    }
  }

  /** Writes the floor when that was long ago. Call now and then. */
  public synchronized void tick() {
    long now = nanos.getAsLong();
    if (now - writtenNanos >= WRITTEN_EVERY.toNanos()) {
      write(now);
    }
  }

  private void write(long now) {
    // Also when it fails: a full disk is not to be asked four times a second.
    writtenNanos = now;
    try {
      String lines =
          floors.bySigner().entrySet().stream()
              .map(floor -> floor.getValue().leastAfter(now) + " " + floor.getKey())
              .sorted()
              .collect(Collectors.joining("\n"));
      DurableFile.write(disk, file, lines.getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      log.atWarn().addKeyValue("file", file).setCause(e).log("time floor not written");
    }
  }
}
