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

  /** Late windows of a device that are read at once. */
  static final int LATE_OF_DEVICE_MAX = 8;

  /** Late records of a device that are read at once: as many minutes as those windows have. */
  static final int LATE_RECORDS_OF_DEVICE_MAX = 120;

  /** Late records that are read at once. */
  static final int LATE_RECORDS_MAX = 10_000;

  private final Gson gson = new Gson();
  private final WindowLayouts layouts;
  private final WindowOutcomes outcomes;

  WindowReader(WindowLayouts layouts, Monitoring monitoring) {
    this.layouts = layouts;
    this.outcomes = new WindowOutcomes(monitoring);
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
   * before one: of each device its newest {@value #LATE_OF_DEVICE_MAX} in at most {@value
   * #LATE_RECORDS_OF_DEVICE_MAX} records, and of all together at most {@value #LATE_RECORDS_MAX}
   * records. Who is left out where there are more, is another at each window.
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
          select device, boot_epoch, sequence,
            dense_rank() over (partition by device order by window_index desc) as nth,
            row_number() over (
              partition by device order by window_index desc, boot_epoch desc, sequence desc)
              as nth_record
          from recent where model = ? and slot = ? and window_millis = ? and window_index < ?
            and window_index >= ?)
        select w.device, w.version, w.manifest, w.predictions, w.record, w.window_index,
          a.labels::text as labels, a.profile
        from late join telemetry_window w using (device, boot_epoch, sequence)
        cross join lateral (
          select labels, profile from device_attributes
          where device = w.device and since <= ? order by since desc limit 1) a
        where nth <= ? and nth_record <= ?
        order by md5(w.device || ?::text), w.device, w.window_index, w.version, w.boot_epoch,
          w.sequence
        limit ?
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
        receivedUntil,
        LATE_OF_DEVICE_MAX,
        LATE_RECORDS_OF_DEVICE_MAX,
        window,
        LATE_RECORDS_MAX);
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

  private Head head(Row row, Track track) {
    Map<String, String> attributes =
        new HashMap<>(gson.fromJson(row.text("labels"), new TypeToken<Map<String, String>>() {}));
    row.optionalText("profile").ifPresent(profile -> attributes.put(PROFILE, profile));
    return new Head(
        row.text("device"),
        attributes,
        new ModelVersion(new ModelName(track.model()), row.bigint("version")),
        row.text("manifest"));
  }
}
