package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.LateWindow;
import io.skerry.telemetry.sketch.WindowCounts;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the stored records of one window, one entry a device. */
final class WindowReader {
  private static final Logger log = LoggerFactory.getLogger(WindowReader.class);

  static final String PROFILE = "profile";

  private static final Gson GSON = new Gson();

  private final WindowLayouts layouts;
  private final WindowOutcomes outcomes;
  private final LateRoom room;

  WindowReader(WindowLayouts layouts, Monitoring monitoring) {
    this(layouts, monitoring, LateRoom.USUAL);
  }

  WindowReader(WindowLayouts layouts, Monitoring monitoring, LateRoom room) {
    this.layouts = layouts;
    this.outcomes = new WindowOutcomes(monitoring);
    this.room = room;
  }

  /**
   * How much that came late is read at once. A device's window may have come in many records, as
   * minutes do that are judged together; it is read with all of them, or not at all.
   *
   * @param windowsOfDevice newest windows of a device
   * @param recordsOfDevice records that these came in
   * @param windows of all devices, each its own
   * @param records that these came in
   */
  record LateRoom(int windowsOfDevice, int recordsOfDevice, int windows, int records) {
    // 8 windows of 6 hours in minutes; and all of them in as many minutes as a quarter has.
    static final LateRoom USUAL = new LateRoom(8, 8 * 360, 10_000, 15 * 10_000);
  }

  /**
   * @param manifests by version, as the devices named them
   * @param records stored rows that the windows were made of
   * @param outcomes that the windows were made of
   */
  record Window(
      List<DeviceWindow> devices,
      Map<ModelVersion, Digest> manifests,
      int records,
      long outcomes) {}

  /**
   * What came too late for its own time.
   *
   * @param records stored rows that the windows were made of
   */
  record Late(List<LateWindow> windows, int records) {
    static final Late NONE = new Late(List.of(), 0);

    Late {
      windows = List.copyOf(windows);
    }
  }

  static void logLeftOut(String device, Exception e) {
    log.atDebug()
        .addKeyValue("device", device)
        .setCause(e)
        .log("a window is left out: its counts have no meaning here");
  }

  private record Head(
      String device, Map<String, String> attributes, ModelVersion version, String manifest) {}

  /**
   * Without what became known of its predictions, which judging needs. Devices have the attributes
   * that they had when the records were received, whatever became of them since.
   */
  Window read(Transaction transaction, Track track, long window, Instant receivedUntil) {
    Map<String, Part> parts = new TreeMap<>();
    Unpacking records = new Unpacking();
    transaction.forEach(
        """
        select w.device, w.version, w.manifest, w.predictions, w.record,
          a.labels::text as labels, a.profile
        from telemetry_window w
        cross join lateral (
          select labels, profile from device_attributes
          where device = w.device and since <= ? order by since desc limit 1) a
        where w.model = ? and w.slot = ? and w.window_millis = ? and w.window_index = ?
          and w.received_at <= ?
        order by w.device, w.version, w.boot_epoch, w.sequence
        """,
        row ->
            records.add(
                parts.computeIfAbsent(artifact(row), key -> new Part(head(row, track))),
                row.bigint("predictions"),
                row.bytes("record")),
        receivedUntil,
        track.model(),
        track.slot(),
        track.windowMillis(),
        window,
        receivedUntil);
    records.end();
    List<DeviceWindow> devices = new ArrayList<>();
    Map<ModelVersion, Digest> manifests = new HashMap<>();
    for (Part part : chosen(parts)) {
      Head head = part.head;
      WindowCounts counts = part.counts;
      if (counts != null) {
        manifests.put(head.version(), Digest.parse(head.manifest()));
        devices.add(
            new DeviceWindow(
                new DeviceId(head.device()), head.attributes(), head.version(), counts));
      }
    }
    return new Window(devices, manifests, records.count, 0);
  }

  /**
   * Adds records to their parts. Unpacking takes most of the time, and is each record's own matter:
   * all cores do it. Adding up is in the order of the records.
   */
  private final class Unpacking {
    private static final int AT_ONCE = 1024;

    private final List<Part> parts = new ArrayList<>();
    private final List<byte[]> waiting = new ArrayList<>();
    private int count;

    void add(Part part, long predictions, byte[] record) {
      part.answered += predictions;
      parts.add(part);
      waiting.add(record);
      count++;
      if (waiting.size() == AT_ONCE) {
        end();
      }
    }

    void end() {
      List<Optional<WindowCounts>> counts =
          IntStream.range(0, waiting.size())
              .parallel()
              .mapToObj(i -> counts(parts.get(i).head, waiting.get(i)))
              .toList();
      for (int i = 0; i < counts.size(); i++) {
        counts.get(i).ifPresent(parts.get(i)::add);
      }
      parts.clear();
      waiting.clear();
    }
  }

  private Optional<WindowCounts> counts(Head head, byte[] record) {
    try {
      return Optional.of(
          layouts.counts(head.version(), io.skerry.wire.fleet.v1.Window.parseFrom(record)));
    } catch (InvalidProtocolBufferException
        | MalformedDocumentException
        | IllegalArgumentException e) {
      logLeftOut(head.device(), e);
      return Optional.empty();
    }
  }

  private static String artifact(Row row) {
    return row.text("device") + "@" + row.bigint("version") + "@" + row.text("manifest");
  }

  // A device that switched in a window counts by the artifact that answered more.
  private static Collection<Part> chosen(Map<String, Part> parts) {
    Map<String, Part> chosen = new TreeMap<>();
    parts
        .values()
        .forEach(
            part ->
                chosen.merge(
                    part.head.device(),
                    part,
                    (first, second) -> second.answered >= first.answered ? second : first));
    return chosen.values();
  }

  /**
   * What came after its time was judged, of the last {@value DriftLedger#LATE_WINDOWS} windows
   * before one, as far as there is {@link LateRoom}. Who is left out where there is more, is
   * another at each window.
   *
   * @param receivedAfter when what the window before was judged from had been received
   */
  Late late(
      Transaction transaction,
      Track track,
      long window,
      Instant receivedAfter,
      Instant receivedUntil) {
    Map<Long, Map<String, Part>> parts = new TreeMap<>();
    Unpacking records = new Unpacking();
    // What came lately is found by when it came: looked up by window it would be all of them.
    transaction.forEach(
        """
        with recent as materialized (
          select device, boot_epoch, sequence, model, slot, window_millis, window_index
          from telemetry_window where received_at > ? and received_at <= ?),
        late as (
          select device, boot_epoch, sequence, window_index,
            dense_rank() over newest as nth, count(*) over newest as records_so_far
          from recent where model = ? and slot = ? and window_millis = ? and window_index < ?
            and window_index >= ?
          window newest as (partition by device order by window_index desc)),
        told as (
          select device, window_index, count(*) as records from late
          where nth <= ? and records_so_far <= ? group by device, window_index),
        shared as (
          select device, window_index, row_number() over drawn as nth_told,
            sum(records) over drawn as records_told
          from told
          window drawn as (
            order by md5(device || ?::text), device, window_index desc rows unbounded preceding))
        select w.device, w.version, w.manifest, w.predictions, w.record, w.window_index,
          a.labels::text as labels, a.profile
        from shared join late using (device, window_index)
        join telemetry_window w using (device, boot_epoch, sequence)
        cross join lateral (
          select labels, profile from device_attributes
          where device = w.device and since <= ? order by since desc limit 1) a
        where nth_told <= ? and records_told <= ?
        order by w.device, w.window_index, w.version, w.boot_epoch, w.sequence
        """,
        row ->
            records.add(
                parts
                    .computeIfAbsent(row.bigint("window_index"), key -> new TreeMap<>())
                    .computeIfAbsent(artifact(row), key -> new Part(head(row, track))),
                row.bigint("predictions"),
                row.bytes("record")),
        receivedAfter,
        receivedUntil,
        track.model(),
        track.slot(),
        track.windowMillis(),
        window,
        window - DriftLedger.LATE_WINDOWS,
        room.windowsOfDevice(),
        room.recordsOfDevice(),
        window,
        receivedUntil,
        room.windows(),
        room.records());
    records.end();
    List<LateWindow> late = new ArrayList<>();
    parts.forEach(
        (of, each) -> {
          for (Part part : chosen(each)) {
            if (part.counts != null) {
              late.add(
                  new LateWindow(
                      of,
                      new DeviceWindow(
                          new DeviceId(part.head.device()),
                          part.head.attributes(),
                          part.head.version(),
                          part.counts)));
            }
          }
        });
    return new Late(late, records.count);
  }

  /** What is judged: the window with what became known of its predictions. */
  Window withOutcomes(Transaction transaction, Track track, long window, Instant receivedUntil) {
    return outcomes.with(
        transaction, track, window, read(transaction, track, window, receivedUntil));
  }

  /** What one device counted for one artifact. */
  private static final class Part {
    private final Head head;
    private @Nullable WindowCounts counts;
    private boolean untrue;
    private long answered;

    Part(Head head) {
      this.head = head;
    }

    void add(WindowCounts sent) {
      if (!untrue) {
        // An agent that was started anew sends the rest of the window as a second record.
        counts = counts == null ? sent : sum(counts, sent);
      }
    }

    // Parts that cannot be one window's: which of them is untrue, nobody knows.
    private @Nullable WindowCounts sum(WindowCounts before, WindowCounts sent) {
      try {
        return before.plus(sent);
      } catch (MalformedDocumentException e) {
        untrue = true;
        log.atWarn()
            .addKeyValue("device", head.device())
            .setCause(e)
            .log("a device's window was not judged: its parts contradict each other");
        return null;
      }
    }
  }

  /** What a device is like, of a row that tells its labels and its profile. */
  static Map<String, String> attributes(Row row) {
    Map<String, String> attributes =
        new HashMap<>(GSON.fromJson(row.text("labels"), new TypeToken<Map<String, String>>() {}));
    row.optionalText("profile").ifPresent(profile -> attributes.put(PROFILE, profile));
    return attributes;
  }

  private Head head(Row row, Track track) {
    return new Head(
        row.text("device"),
        attributes(row),
        new ModelVersion(new ModelName(track.model()), row.bigint("version")),
        row.text("manifest"));
  }
}
