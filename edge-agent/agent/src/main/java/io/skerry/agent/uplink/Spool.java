package io.skerry.agent.uplink;

import io.skerry.agent.disk.Disk;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.RecordStream;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records on disk until the control plane has committed them. Each gets its sequence here.
 *
 * <p>Bounded: when it is full, the oldest segment of the least precious stream goes: samples before
 * windows before feedback before events. Every record that is dropped or found damaged is counted
 * once, whenever the process or the power ends: the count is on disk before the records go. A
 * record that is damaged on disk is skipped; its neighbours survive. Records of an earlier boot are
 * kept and sent under their own epoch. They lie there sealed; one that was sealed with another key
 * counts as damaged.
 *
 * <p>It also keeps a checkpoint of what is counted and no record yet.
 *
 * <p>Besides the records it takes {@link SpoolAccountFile#FILE_BYTES} and at most {@link
 * SpoolCheckpoint#FILES_BYTES_MAX}. Thread-safe.
 */
public final class Spool {
  private static final Logger log = LoggerFactory.getLogger(Spool.class);

  /** The largest encoded record: a batch must hold it. */
  static final int RECORD_BYTES_MAX = TelemetryRecords.BATCH_BYTES_MAX - 1024;

  /** Files at a time; each start of the agent begins new ones. */
  static final int SEGMENTS_MAX = SpoolAccount.ENTRIES_MAX;

  // Marks of what is committed are worth a write now and then only: without one, records are sent
  // again and refused as duplicates.
  private static final int FLUSHES_PER_MARK = 10;

  private final Disk disk;
  private final Path folder;
  private final SpoolSeal seal;
  private final Preparation first;
  private final long bootEpoch;
  private final long bytesMax;
  private final long segmentBytes;
  private final SpoolAccountFile file;
  private final SpoolCheckpoint checkpoint;
  private final SpoolShelf shelf;
  private final Map<RecordStream, Long> nextSequence = new EnumMap<>(RecordStream.class);
  private final Map<RecordStream, Integer> unopened = new EnumMap<>(RecordStream.class);
  private SpoolAccount account = new SpoolAccount();
  private boolean prepared;
  private boolean failing;
  private boolean checkpointFailing;
  private boolean accountChanged;
  // Damage was found whose count is not on disk yet.
  private boolean damageUnsaved;
  private boolean marksChanged;
  private int flushes;

  /** What has to be on disk before any record is. */
  @FunctionalInterface
  public interface Preparation {
    /** Puts it there; does nothing when it is. */
    void prepare() throws IOException;
  }

  /**
   * What an earlier run had counted and made no record of.
   *
   * @param content as it was given
   * @param since window records that were kept after it, as far as they lie here: each counts what
   *     the content may still hold
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  public record Checkpoint(byte[] content, List<Record> since) {
    /** Takes over the content. */
    public Checkpoint {
      since = List.copyOf(since);
    }
  }

  private Spool(
      Disk disk, Path folder, SpoolSeal seal, Preparation first, long bootEpoch, long bytesMax) {
    this.seal = seal;
    this.first = first;
    this.disk = disk;
    this.folder = folder;
    this.bootEpoch = bootEpoch;
    this.bytesMax = bytesMax;
    this.segmentBytes =
        Math.max(
            Math.max(4096, Math.min(256 * 1024, bytesMax / 16)), bytesMax / (SEGMENTS_MAX / 2));
    this.file = new SpoolAccountFile(disk, folder);
    this.checkpoint = new SpoolCheckpoint(disk, folder, seal);
    this.shelf = new SpoolShelf(disk, folder, seal);
  }

  /**
   * Opens a spool and finds what an earlier run left. A disk that cannot be written does not stop
   * it: then every record is dropped, and counted.
   *
   * @param seal of the same disk
   * @param bootEpoch of the records that will be appended; higher than that of any record in it
   * @param bytesMax disk that the records may take
   * @throws IOException if it cannot be read, or holds records of this boot epoch or a later one
   */
  public static Spool open(Disk disk, Path folder, SpoolSeal seal, long bootEpoch, long bytesMax)
      throws IOException {
    return open(disk, folder, seal, () -> {}, bootEpoch, bytesMax);
  }

  /** The same; until this first succeeds, every record is dropped, and counted. */
  public static Spool open(
      Disk disk, Path folder, SpoolSeal seal, Preparation first, long bootEpoch, long bytesMax)
      throws IOException {
    Spool spool = new Spool(disk, folder, seal, first, bootEpoch, bytesMax);
    spool.account = spool.file.load().orElseGet(SpoolAccount::new);
    for (RecordStream stream : RecordStream.values()) {
      spool.nextSequence.put(stream, 1L);
      for (SpoolSegment found :
          spool.shelf.recover(stream, spool.account.floor(stream), bootEpoch)) {
        spool.noteDamage(found);
      }
    }
    spool.settle();
    return spool;
  }

  /** The highest boot epoch of any record in a spool; 0 when there is none. */
  public static long newestEpoch(Disk disk, Path folder) throws IOException {
    return SpoolShelf.newestEpoch(disk, folder);
  }

  /** Brings the disk to what was found; what does not succeed now is tried again later. */
  private void settle() {
    try {
      prepare();
      save();
    } catch (IOException e) {
      accountChanged = true;
      tellOnce(e);
    }
    shelf.deleteLeftovers();
  }

  private void prepare() throws IOException {
    if (!prepared) {
      first.prepare();
      disk.createFolders(folder);
      for (RecordStream stream : RecordStream.values()) {
        disk.createFolders(shelf.folder(stream));
      }
      seal.prepare();
      prepared = true;
    }
  }

  // A full disk must not be filled with this line.
  private void tellOnce(IOException cause) {
    if (!failing) {
      log.atWarn().addKeyValue("spool", folder).setCause(cause).log("spool cannot be written");
    }
    failing = true;
  }

  /** Counts what was not counted before. */
  private void noteDamage(SpoolSegment segment) {
    int more = account.countDamage(segment);
    if (more > 0) {
      accountChanged = true;
      damageUnsaved = true;
      log.atWarn()
          .addKeyValue("segment", segment.file)
          .addKeyValue("damaged", segment.damaged())
          .addKeyValue("sealedWithAnotherKey", segment.unopened())
          .log("records damaged on disk");
    }
    if (more > 0 && segment.unopened() > 0) {
      unopened.merge(segment.stream, Math.min(more, segment.unopened()), Integer::sum);
    }
  }

  /**
   * Keeps a record; its sequence is set here.
   *
   * @return whether it was kept; if not, it is counted as dropped
   */
  public synchronized boolean append(RecordStream stream, Record record) {
    long sequence = nextSequence.getOrDefault(stream, 1L);
    byte[] payload = record.toBuilder().setSequence(sequence).build().toByteArray();
    try {
      if (payload.length <= RECORD_BYTES_MAX && makeRoom(stream, payload.length)) {
        prepare();
        write(stream, sequence, payload);
        failing = false;
        nextSequence.put(stream, sequence + 1);
        return true;
      }
    } catch (IOException e) {
      tellOnce(e);
    }
    leaveOut(stream);
    return false;
  }

  /** Counts a record as dropped that was not given here: the day's bytes had no room for it. */
  public synchronized void leaveOut(RecordStream stream) {
    account.drop(stream, 1);
    accountChanged = true;
    note();
  }

  // On disk at once, for the case that the process is killed before the next flush: the account has
  // its place there, so that this needs no room on a disk that is full.
  private void note() {
    try {
      file.note(account);
    } catch (IOException e) {
      log.atDebug().addKeyValue("spool", folder).setCause(e).log("count not noted yet");
    }
  }

  private void write(RecordStream stream, long sequence, byte[] payload) throws IOException {
    List<SpoolSegment> all = shelf.segments(stream);
    boolean fits = !all.isEmpty() && fits(all.getLast(), payload.length);
    SpoolSegment open =
        fits
            ? all.getLast()
            : SpoolSegment.create(disk, shelf.folder(stream), stream, bootEpoch, sequence);
    shelf.append(open, sequence, payload);
  }

  private boolean fits(SpoolSegment open, int payload) {
    return open.epoch == bootEpoch && open.bytes() + payload <= segmentBytes;
  }

  private boolean makeRoom(RecordStream wanted, int payload) throws IOException {
    long needed = payload + (long) SpoolSeal.OVERHEAD_BYTES + SpoolFrame.OVERHEAD_BYTES;
    long droppable = 0;
    for (RecordStream stream : RecordStream.values()) {
      if (stream.compareTo(wanted) <= 0) {
        droppable += shelf.segments(stream).stream().mapToLong(SpoolSegment::bytes).sum();
      }
    }
    // More precious ones take it all: then dropping the others would help nobody.
    if (shelf.bytes() - droppable + needed > bytesMax) {
      return false;
    }
    for (RecordStream stream : RecordStream.values()) {
      List<SpoolSegment> oldest = shelf.segments(stream);
      while (isFull(needed) && !oldest.isEmpty() && stream.compareTo(wanted) <= 0) {
        drop(oldest.getFirst());
      }
    }
    return !isFull(needed);
  }

  private boolean isFull(long needed) {
    return shelf.bytes() + needed > bytesMax || shelf.files() >= SEGMENTS_MAX;
  }

  // Counted on disk first: a crash between finds the floor, and deletes what is below it.
  private void drop(SpoolSegment victim) throws IOException {
    SpoolAccount before = account.copy();
    long committed = account.committed(victim.stream, victim.epoch);
    account.drop(victim, victim.recordsAbove(committed));
    account.raise(victim.stream, victim.epoch, victim.last());
    account.forget(victim);
    try {
      save();
    } catch (IOException e) {
      account = before;
      throw e;
    }
    shelf.remove(victim);
  }

  /** Forces what was appended to the disk; what came before survives a power cut. */
  public synchronized void flush() throws IOException {
    flush(false);
  }

  /** Like {@link #flush}, and also remembers exactly what is committed. */
  public synchronized void close() throws IOException {
    flush(true);
  }

  private void flush(boolean everything) throws IOException {
    prepare();
    shelf.deleteLeftovers();
    for (SpoolSegment segment : shelf.all()) {
      segment.force();
    }
    flushes++;
    if (accountChanged || (marksChanged && (everything || flushes % FLUSHES_PER_MARK == 0))) {
      save();
    }
  }

  private void save() throws IOException {
    Set<SpoolAccount.Origin> live = new HashSet<>();
    shelf
        .all()
        .forEach(segment -> live.add(new SpoolAccount.Origin(segment.stream, segment.epoch)));
    account.keepOnly(live);
    file.save(account);
    accountChanged = false;
    damageUnsaved = false;
    marksChanged = false;
  }

  /**
   * Does several things of which nothing is sent, or freed, before all are done: a window record
   * and the checkpoint behind it.
   */
  public synchronized void together(Runnable acts) {
    acts.run();
  }

  /**
   * Keeps a checkpoint in place of the one before; when this returns true it survives a power cut,
   * and so do the window records before it. A disk that does not take it costs only the checkpoint.
   *
   * @param content what is counted and in no record yet, at most {@link #checkpointBytesMax}
   * @return whether it was kept
   */
  public synchronized boolean checkpoint(byte[] content) {
    if (content.length > checkpointBytesMax()) {
      throw new IllegalArgumentException(
          "checkpoint of %d bytes, at most %d".formatted(content.length, checkpointBytesMax()));
    }
    try {
      prepare();
      for (SpoolSegment segment : shelf.segments(RecordStream.WINDOWS)) {
        segment.force();
      }
      long last = nextSequence.getOrDefault(RecordStream.WINDOWS, 1L) - 1;
      checkpoint.write(bootEpoch, last, content);
      checkpointFailing = false;
      return true;
    } catch (IOException e) {
      if (!checkpointFailing) {
        log.atWarn()
            .addKeyValue("spool", folder)
            .setCause(e)
            .log("open windows not kept: a process killed now loses what they count");
      }
      checkpointFailing = true;
      return false;
    }
  }

  /** The largest content of a checkpoint, in bytes. */
  public static int checkpointBytesMax() {
    return SpoolCheckpoint.CONTENT_BYTES_MAX;
  }

  /**
   * The checkpoint that an earlier run left. Ask before the first one is kept.
   *
   * @throws IOException if that cannot be known now, for example because the disk cannot be written
   */
  public synchronized Optional<Checkpoint> checkpointed() throws IOException {
    prepare();
    Optional<SpoolCheckpoint.Found> found = checkpoint.load();
    if (found.isPresent() && found.get().epoch() >= bootEpoch) {
      log.atWarn()
          .addKeyValue("checkpointEpoch", found.get().epoch())
          .addKeyValue("epoch", bootEpoch)
          .log("checkpoint of open windows is of a later start, dropped");
      return Optional.empty();
    }
    return found.map(
        left -> new Checkpoint(left.content(), shelf.windowsAfter(left.epoch(), left.after())));
  }

  /**
   * Frees what the control plane has committed, and puts the count of dropped records right: some
   * may have been stored just before the link ended.
   */
  public synchronized void committed(CommittedRange range) {
    RecordStream stream = range.stream();
    accountChanged |= account.settle(range);
    List<SpoolSegment> all = shelf.segments(stream);
    long epoch = range.bootEpoch();
    if (all.stream().noneMatch(segment -> segment.epoch == epoch)
        || range.through() <= account.committed(stream, epoch)) {
      return;
    }
    if (epoch == bootEpoch && range.through() >= nextSequence.getOrDefault(stream, 1L)) {
      log.atWarn()
          .addKeyValue("stream", stream)
          .addKeyValue("through", range.through())
          .log("committed more than was recorded, ignored");
      return;
    }
    account.commit(stream, epoch, range.through());
    marksChanged = true;
    for (SpoolSegment segment : List.copyOf(all)) {
      if (segment.epoch == epoch && segment.last() <= range.through()) {
        if (all.getFirst() == segment) {
          account.raise(stream, epoch, segment.last());
          account.forget(segment);
        }
        shelf.remove(segment);
      }
    }
  }

  /**
   * The next batch of a stream, oldest boot epoch first; none while the key cannot be read, or
   * while damage in it cannot be written down.
   *
   * @param after per boot epoch, the highest sequence that need not be sent
   */
  Optional<SpoolBatch> next(RecordStream stream, Map<Long, Long> after) {
    return next(stream, after, TelemetryRecords.BATCH_BYTES_MAX);
  }

  /**
   * The same, of one record or of no more bytes than these.
   *
   * @param bytesMax at most {@link TelemetryRecords#BATCH_BYTES_MAX}
   */
  synchronized Optional<SpoolBatch> next(RecordStream stream, Map<Long, Long> after, int bytesMax) {
    List<SpoolSegment> all = shelf.segments(stream);
    if (all.isEmpty() || !isReady()) {
      return Optional.empty();
    }
    for (SpoolSegment segment : all) {
      long from =
          1
              + Math.max(
                  after.getOrDefault(segment.epoch, 0L), account.committed(stream, segment.epoch));
      if (segment.last() >= from) {
        Optional<SpoolSegment> oldest =
            all.stream().filter(other -> other.epoch == segment.epoch).findFirst();
        SpoolBatch batch =
            SpoolBatch.of(
                segment,
                shelf.records(segment),
                Math.max(from, segment.first),
                oldest.orElse(segment).first,
                all.getFirst().epoch,
                bytesMax);
        noteDamage(segment);
        return segment.damaged() == 0 || isDamageSaved() ? Optional.of(batch) : Optional.empty();
      }
    }
    return Optional.empty();
  }

  // The batch tells of a gap for good: a power cut must not take the count of it back. Until a disk
  // takes the count, the records wait.
  private boolean isDamageSaved() {
    if (damageUnsaved) {
      try {
        save();
      } catch (IOException e) {
        tellOnce(e);
      }
    }
    return !damageUnsaved;
  }

  private boolean isReady() {
    try {
      prepare();
      return true;
    } catch (IOException e) {
      tellOnce(e);
      return false;
    }
  }

  /** Records that were found sealed with another key since this was last asked, by stream. */
  synchronized Map<RecordStream, Integer> takeUnopened() {
    if (unopened.isEmpty()) {
      return Map.of();
    }
    Map<RecordStream, Integer> taken = Map.copyOf(unopened);
    unopened.clear();
    return taken;
  }

  /** The highest sequence up to which everything of this stream and epoch is known committed. */
  synchronized long committed(RecordStream stream, long epoch) {
    return account.committed(stream, epoch);
  }

  /** Records dropped since the spool was made, by stream. */
  public synchronized Map<RecordStream, Long> dropped() {
    return account.dropped();
  }

  /** Records found damaged since the spool was made, by stream. */
  public synchronized Map<RecordStream, Long> damaged() {
    return account.damaged();
  }

  /** Records that wait, by stream. */
  public synchronized Map<RecordStream, Long> waiting() {
    Map<RecordStream, Long> waiting = new EnumMap<>(RecordStream.class);
    for (RecordStream stream : RecordStream.values()) {
      waiting.put(stream, shelf.segments(stream).stream().mapToLong(this::waiting).sum());
    }
    return waiting;
  }

  private long waiting(SpoolSegment segment) {
    return segment.recordsAbove(account.committed(segment.stream, segment.epoch));
  }

  /** When the oldest of the records that wait was made. Reads from the disk. */
  public synchronized Optional<Instant> oldestWaiting() {
    Optional<Instant> oldest = Optional.empty();
    if (!isReady()) {
      return oldest;
    }
    for (RecordStream stream : RecordStream.values()) {
      oldest =
          Stream.concat(
                  oldest.stream(),
                  shelf.segments(stream).stream()
                      .filter(segment -> waiting(segment) > 0)
                      .limit(1)
                      .flatMap(
                          segment ->
                              shelf
                                  .madeAt(segment, account.committed(stream, segment.epoch))
                                  .stream()))
              .min(Comparator.naturalOrder());
    }
    return oldest;
  }

  /** Records appended since the start, by stream. */
  public synchronized Map<RecordStream, Long> appended() {
    Map<RecordStream, Long> appended = new EnumMap<>(RecordStream.class);
    nextSequence.forEach((stream, next) -> appended.put(stream, next - 1));
    return appended;
  }

  /** Bytes on disk. */
  public synchronized long bytes() {
    return shelf.bytes();
  }
}
