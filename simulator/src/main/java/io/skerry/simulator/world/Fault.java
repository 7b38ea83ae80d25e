package io.skerry.simulator.world;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Something that goes wrong.
 *
 * @param at when, in milliseconds since the beginning
 * @param device its index; -1 when it is about all
 * @param lasts milliseconds
 * @param seed of what chance it holds
 */
public record Fault(long at, Kind kind, int device, long lasts, long seed) {
  /** What can go wrong. */
  public enum Kind {
    /** A device has no network. */
    LINK_DOWN(true),
    /** A tenth of a device's messages break the connection, before or behind them. */
    LINK_LOSSY(true),
    /** A device's process is killed at a disk operation. */
    AGENT_KILLED(true),
    /** A device loses its power at a disk operation; what was not forced may be gone or torn. */
    POWER_CUT(true),
    DISK_FULL(true),
    DISK_READ_ONLY(true),
    SHORT_WRITES(true),
    /** A bit of a waiting record flips. */
    BIT_FLIP(true),
    /** A device's clock is put forward or back, by seconds to years. */
    CLOCK_JUMP(true),
    /** A device cannot reach the artifacts, or gets them broken. */
    ARTIFACTS_BROKEN(true),
    /** A device is up to three times slower. */
    SLOW_HARDWARE(true),
    /** A device leaves the fleet for good. */
    DEVICE_GONE(true),
    /** The broker dies and comes back empty. */
    BROKER_KILLED(false),
    /** The broker delivers late. */
    BROKER_SLOW(false),
    /** The control plane dies at any point of its work. */
    PLANE_KILLED(false),
    /** A third of the devices has no network. */
    PARTITION(false),
    /** An operator pauses, resumes, promotes, aborts, rolls back, or rolls out something new. */
    OPERATOR(false),
    /** A device's key is used on another machine. */
    CLONED(true, true),
    /** A second control plane works on the same store. */
    REPLICA(false, true),
    /** What the control plane does with its database fails, or it is not told that it was done. */
    DATABASE_FAILS(false, true),
    /** Orders come once more, behind newer ones, and stay at the broker in their place. */
    ORDERS_LATE(false, true),
    /** An operator rolls out a version that is bad in one way or another. */
    BAD_MODEL(false, true),
    /**
     * A device is killed, or loses its power, the next day or so in the midst of what it writes.
     */
    STOPPED_AT_WORK(true, true),
    /** A device is up to fifty times slower. */
    HARDWARE_CRAWLS(true, true),
    /** What lies on a device's disk cannot be read. */
    DISK_UNREADABLE(true, true),
    /** The control plane does not reach the broker. */
    PLANE_CUT_OFF(false, true),
    /** A device gets an order that nobody who may has signed. */
    ORDER_FORGED(true, true),
    /** Who has stolen the director's key orders a device what was made for another board. */
    DIRECTOR_STOLEN(true, true),
    /** A new device comes to the fleet. */
    DEVICE_JOINS(false, true),
    /** A device leaves the fleet for good, and an operator removes it. */
    DEVICE_REMOVED(true, true),
    /**
     * An operator writes a rollout down that somebody else must approve, with limits, a pace and
     * maintenance windows.
     */
    ROLLOUT_WRITTEN(false, true),
    /** A device's disk goes on in a newer board, which runs what the old one ran and more. */
    BOARD_EXCHANGED(true, true),
    /** The broker delivers in their order the messages of each topic, and of no others. */
    TOPICS_OVERTAKE(false, true),
    /** The control plane dies between any two things that it does, while it starts, too. */
    PLANE_KILLED_AT_WORK(false, true),
    /** A device is killed, or loses its power, before or behind a message that it sends. */
    STOPPED_AT_MESSAGE(true, true);

    private final boolean ofDevice;
    private final boolean apart;

    Kind(boolean ofDevice) {
      this(ofDevice, false);
    }

    Kind(boolean ofDevice, boolean apart) {
      this.ofDevice = ofDevice;
      this.apart = apart;
    }

    /**
     * Whether it is drawn from a chance of its own: what a seed drew before there was this kind
     * stays as it was.
     */
    boolean isApart() {
      return apart;
    }

    /** What it is called in a trace. */
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Whether it is about one device. */
    public boolean isOfDevice() {
      return ofDevice;
    }
  }

  /**
   * How much goes wrong.
   *
   * @param perDeviceDay faults of a device in a day
   * @param perDay faults of all in a day
   * @param apartPerDay faults in a day of those kinds that are drawn apart
   */
  public record Rates(double perDeviceDay, double perDay, double apartPerDay) {
    public static final Rates NONE = new Rates(0, 0, 0);

    /** A fleet in ordinary circumstances. */
    public static final Rates LIGHT = new Rates(.02, .05, 0);

    /** Devices that stop, lose disk, network or time; nobody else does anything. */
    public static final Rates OF_DEVICES = new Rates(.1, 0, 0);

    /** Everything at once. */
    public static final Rates HARD = new Rates(1.2, 2.5, 8.5);

    /** The same without those kinds that are drawn apart. */
    public Rates withoutApart() {
      return new Rates(perDeviceDay, perDay, 0);
    }
  }

  /** Draws what goes wrong in a run, in the order of time. */
  public static List<Fault> draw(long seed, int devices, int days, Rates rates) {
    SplittableRandom random = new SplittableRandom(seed ^ 0x5DEECE66DL);
    List<Kind> ofDevice = new ArrayList<>();
    List<Kind> ofAll = new ArrayList<>();
    List<Kind> apart = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      (kind.isApart() ? apart : kind.isOfDevice() ? ofDevice : ofAll).add(kind);
    }
    List<Fault> faults = new ArrayList<>();
    long total = count(rates.perDeviceDay() * devices * days, random);
    for (long i = 0; i < total; i++) {
      Kind kind = ofDevice.get(random.nextInt(ofDevice.size()));
      // To leave for good is rare.
      if (kind != Kind.DEVICE_GONE || random.nextInt(20) == 0) {
        faults.add(one(kind, random.nextInt(devices), days, random));
      }
    }
    total = count(rates.perDay() * days, random);
    for (long i = 0; i < total; i++) {
      faults.add(one(ofAll.get(random.nextInt(ofAll.size())), -1, days, random));
    }
    SplittableRandom other = new SplittableRandom(seed ^ 0x2545F4914F6CDD1DL);
    total = count(rates.apartPerDay() * days, other);
    for (long i = 0; i < total; i++) {
      Kind kind = apart.get(other.nextInt(apart.size()));
      if (kind != Kind.DEVICE_REMOVED || other.nextInt(3) == 0) {
        faults.add(one(kind, kind.isOfDevice() ? other.nextInt(devices) : -1, days, other));
      }
    }
    faults.sort(
        Comparator.comparingLong(Fault::at)
            .thenComparing(Fault::kind)
            .thenComparing(Fault::device));
    return faults;
  }

  private static long count(double expected, SplittableRandom random) {
    return (long) expected + (random.nextDouble() < expected - (long) expected ? 1 : 0);
  }

  private static Fault one(Kind kind, int device, int days, SplittableRandom random) {
    long at = random.nextLong(World.MINUTE, days * World.DAY - World.DAY / 2);
    // Seconds, minutes, hours and days are equally likely.
    long lasts = (long) (World.SECOND * Math.exp(random.nextDouble() * Math.log(2 * 86_400)));
    return new Fault(at, kind, device, lasts, random.nextLong());
  }

  /** The same for another time. */
  public Fault lasting(long millis) {
    return new Fault(at, kind, device, millis, seed);
  }

  /** Reads what {@link #toString} wrote. */
  public static Fault parse(String text) {
    String[] words = text.strip().split(" +", -1);
    if (words.length != 5) {
      throw new IllegalArgumentException("'%s' is no fault".formatted(text));
    }
    return new Fault(
        Long.parseLong(words[0]),
        kind(words[1]),
        Integer.parseInt(words[2]),
        Long.parseLong(words[3]),
        Long.parseLong(words[4]));
  }

  private static Kind kind(String word) {
    return Arrays.stream(Kind.values())
        .filter(kind -> kind.word().equals(word))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("'%s' is no kind of fault".formatted(word)));
  }

  @Override
  public String toString() {
    return "%d %s %d %d %d".formatted(at, kind.word(), device, lasts, seed);
  }
}
