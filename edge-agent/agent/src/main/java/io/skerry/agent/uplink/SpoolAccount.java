package io.skerry.agent.uplink;

import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.RecordStream;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a spool must remember besides its records: how many it dropped and how many were damaged,
 * where each stream begins, and what is committed. Not thread-safe.
 *
 * <p>A segment at or below its stream's floor is gone, and counted if it was dropped, even if its
 * file is still there. Encoded, big-endian:
 *
 * <pre>
 * per stream, in the order of RecordStream:
 *   8  dropped   8  damaged   8  floor's epoch   8  floor's sequence
 * 4  committed marks, each:  1 stream   8 epoch   8 through
 * 4  damaged segments, each:  1 stream   8 epoch   8 first sequence   4 damaged records counted
 * 4  drops by origin, each:   1 stream   8 epoch   8 dropped   8 highest dropped sequence
 * </pre>
 */
final class SpoolAccount {
  /** Marks and segments that fit. */
  static final int ENTRIES_MAX = 1024;

  /** Origins whose dropped records can still be put right. */
  static final int DROPS_MAX = 256;

  private static final int STREAM_BYTES = 32;
  private static final int MARK_BYTES = 17;
  private static final int DAMAGED_BYTES = 21;
  private static final int DROPS_BYTES = 25;

  private static final List<RecordStream> STREAMS = List.of(RecordStream.values());

  private final Map<RecordStream, Long> dropped = new EnumMap<>(RecordStream.class);
  private final Map<RecordStream, Long> damaged = new EnumMap<>(RecordStream.class);
  private final Map<RecordStream, Floor> floors = new EnumMap<>(RecordStream.class);
  private final Map<Origin, Long> committed = new HashMap<>();
  private final Map<Place, Integer> damagedIn = new HashMap<>();
  private final Map<Origin, Drops> drops = new HashMap<>();
  // Reports tell them several times a second; they change now and then. Null when they have.
  private @Nullable Map<RecordStream, Long> droppedTold;
  private @Nullable Map<RecordStream, Long> damagedTold;

  /** What was counted as dropped of an origin: all of it lies at or below a sequence. */
  private record Drops(long dropped, long highest) {}

  /** Everything of an earlier epoch, and of this one up to the sequence, is gone. */
  record Floor(long epoch, long sequence) {
    static final Floor NONE = new Floor(0, 0);

    boolean covers(long otherEpoch, long otherSequence) {
      return otherEpoch < epoch || (otherEpoch == epoch && otherSequence <= sequence);
    }
  }

  /** Whose records. */
  record Origin(RecordStream stream, long epoch) {}

  private record Place(Origin origin, long first) {}

  SpoolAccount() {
    for (RecordStream stream : STREAMS) {
      dropped.put(stream, 0L);
      damaged.put(stream, 0L);
      floors.put(stream, Floor.NONE);
    }
  }

  SpoolAccount copy() {
    SpoolAccount copy = new SpoolAccount();
    copy.dropped.putAll(dropped);
    copy.damaged.putAll(damaged);
    copy.floors.putAll(floors);
    copy.committed.putAll(committed);
    copy.damagedIn.putAll(damagedIn);
    copy.drops.putAll(drops);
    return copy;
  }

  Map<RecordStream, Long> dropped() {
    Map<RecordStream, Long> told = droppedTold;
    if (told == null) {
      told = Map.copyOf(dropped);
      droppedTold = told;
    }
    return told;
  }

  Map<RecordStream, Long> damaged() {
    Map<RecordStream, Long> told = damagedTold;
    if (told == null) {
      told = Map.copyOf(damaged);
      damagedTold = told;
    }
    return told;
  }

  void drop(RecordStream stream, long records) {
    dropped.merge(stream, records, Long::sum);
    droppedTold = null;
  }

  /** Counts records of a segment that makes room. */
  void drop(SpoolSegment segment, long records) {
    drop(segment.stream, records);
    Origin origin = new Origin(segment.stream, segment.epoch);
    if (drops.size() >= DROPS_MAX && !drops.containsKey(origin)) {
      drops.keySet().stream().min(Comparator.comparingLong(Origin::epoch)).ifPresent(drops::remove);
    }
    drops.merge(
        origin,
        new Drops(records, segment.last()),
        (before, more) -> new Drops(before.dropped() + more.dropped(), more.highest()));
  }

  /**
   * Takes what the control plane says it will never get of an origin for the number of those that
   * were dropped: what it had stored just before the link ended was counted as dropped here, as
   * nobody had said so. Only what it says of everything that was dropped counts.
   *
   * @return whether the count changed
   */
  boolean settle(CommittedRange range) {
    Origin origin = new Origin(range.stream(), range.bootEpoch());
    Drops counted = drops.get(origin);
    if (counted == null
        || range.givenUp().isEmpty()
        || (range.through() < counted.highest() && !range.ended())) {
      return false;
    }
    long unheardOf = Math.max(0, counted.highest() - range.through());
    long right = Math.min(counted.dropped(), range.givenUp().getAsLong() + unheardOf);
    dropped.merge(range.stream(), right - counted.dropped(), Long::sum);
    droppedTold = null;
    if (range.ended()) {
      drops.remove(origin);
    } else {
      drops.put(origin, new Drops(right, counted.highest()));
    }
    return range.ended() || right != counted.dropped();
  }

  Floor floor(RecordStream stream) {
    return floors.getOrDefault(stream, Floor.NONE);
  }

  void raise(RecordStream stream, long epoch, long sequence) {
    if (!floor(stream).covers(epoch, sequence)) {
      floors.put(stream, new Floor(epoch, sequence));
    }
  }

  long committed(RecordStream stream, long epoch) {
    return committed.getOrDefault(new Origin(stream, epoch), 0L);
  }

  void commit(RecordStream stream, long epoch, long through) {
    if (committed.size() < ENTRIES_MAX || committed.containsKey(new Origin(stream, epoch))) {
      committed.merge(new Origin(stream, epoch), through, Math::max);
    }
  }

  /** Counts damage of a segment that was not counted before, and returns it. */
  int countDamage(SpoolSegment segment) {
    Place place = place(segment);
    int before = damagedIn.getOrDefault(place, 0);
    int more = segment.damaged() - before;
    if (more > 0) {
      damaged.merge(segment.stream, (long) more, Long::sum);
      damagedTold = null;
      damagedIn.put(place, segment.damaged());
    }
    return Math.max(0, more);
  }

  /** Forgets what is said of a segment that the floor covers. */
  void forget(SpoolSegment segment) {
    damagedIn.remove(place(segment));
  }

  /** Forgets marks of epochs that have no records any more. */
  void keepOnly(Set<Origin> live) {
    committed.keySet().retainAll(live);
  }

  private static Place place(SpoolSegment segment) {
    return new Place(new Origin(segment.stream, segment.epoch), segment.first);
  }

  byte[] encode() {
    ByteBuffer bytes =
        ByteBuffer.allocate(
            STREAMS.size() * STREAM_BYTES
                + Integer.BYTES
                + committed.size() * MARK_BYTES
                + Integer.BYTES
                + damagedIn.size() * DAMAGED_BYTES
                + Integer.BYTES
                + drops.size() * DROPS_BYTES);
    for (RecordStream stream : STREAMS) {
      bytes.putLong(dropped.getOrDefault(stream, 0L)).putLong(damaged.getOrDefault(stream, 0L));
      bytes.putLong(floor(stream).epoch()).putLong(floor(stream).sequence());
    }
    bytes.putInt(committed.size());
    committed.forEach((origin, through) -> put(bytes, origin).putLong(through));
    bytes.putInt(damagedIn.size());
    damagedIn.forEach(
        (place, count) -> put(bytes, place.origin()).putLong(place.first()).putInt(count));
    bytes.putInt(drops.size());
    drops.forEach(
        (origin, counted) ->
            put(bytes, origin).putLong(counted.dropped()).putLong(counted.highest()));
    return bytes.array();
  }

  private static ByteBuffer put(ByteBuffer bytes, Origin origin) {
    return bytes.put((byte) STREAMS.indexOf(origin.stream())).putLong(origin.epoch());
  }

  /** Only of bytes whose checksum was right. */
  static SpoolAccount decode(ByteBuffer bytes) {
    SpoolAccount account = new SpoolAccount();
    for (RecordStream stream : STREAMS) {
      account.dropped.put(stream, bytes.getLong());
      account.damaged.put(stream, bytes.getLong());
      account.floors.put(stream, new Floor(bytes.getLong(), bytes.getLong()));
    }
    for (int left = bytes.getInt(); left > 0; left--) {
      account.committed.put(origin(bytes), bytes.getLong());
    }
    for (int left = bytes.getInt(); left > 0; left--) {
      account.damagedIn.put(new Place(origin(bytes), bytes.getLong()), bytes.getInt());
    }
    // An earlier version ended here.
    for (int left = bytes.hasRemaining() ? bytes.getInt() : 0; left > 0; left--) {
      account.drops.put(origin(bytes), new Drops(bytes.getLong(), bytes.getLong()));
    }
    return account;
  }

  private static Origin origin(ByteBuffer bytes) {
    return new Origin(STREAMS.get(bytes.get()), bytes.getLong());
  }
}
