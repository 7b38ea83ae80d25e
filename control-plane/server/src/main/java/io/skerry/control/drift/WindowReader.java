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
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
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

  /** Late records of a device that are read at once. */
  static final int LATE_RECORDS_OF_DEVICE_MAX = 64;

  /** Late records that are read at once. */
  static final int LATE_RECORDS_MAX = 10_000;

  private final Gson gson = new Gson();
  private final WindowLayouts layouts;
  private final Monitoring monitoring;

  WindowReader(WindowLayouts layouts, Monitoring monitoring) {
    this.layouts = layouts;
    this.monitoring = monitoring;
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

  /** The version that most devices run, and the manifest that most of these name. */
  record Running(ModelVersion version, Digest manifest) {}

  /**
   * What one record says; a device has several.
   *
   * @param windows that were counted together, at least 1
   */
  record Sent(String device, long windows, WindowCounts counts) {}

  /** What runs in a window; empty when it holds nothing that names a manifest. */
  static Optional<Running> running(Transaction transaction, Track track, long window) {
    return transaction.first(
        """
        select version, manifest from (
          select version, manifest, devices,
            sum(devices) over (partition by version) as of_version from (
              select version, manifest, count(distinct device) as devices from telemetry_window
              where model = ? and slot = ? and window_millis = ?
                and window_index = ? and manifest ~ '^sha256:[0-9a-f]{64}$'
              group by version, manifest) counted) summed
        order by of_version desc, version desc, devices desc, manifest limit 1
        """,
        row ->
            new Running(
                new ModelVersion(new ModelName(track.model()), row.bigint("version")),
                Digest.parse(row.text("manifest"))),
        track.model(),
        track.slot(),
        track.windowMillis(),
        window);
  }

  /** Devices that run a version in a window: of many those whose names' hashes are the lowest. */
  static List<String> devices(
      Transaction transaction, Track track, ModelVersion version, long window, int limit) {
    return transaction.list(
        """
        select device from (
          select distinct device from telemetry_window
          where model = ? and slot = ? and window_millis = ? and version = ? and window_index = ?)
          sending
        order by md5(device), device limit ?
        """,
        row -> row.text("device"),
        track.model(),
        track.slot(),
        track.windowMillis(),
        version.version(),
        window,
        limit);
  }

  /**
   * Hands on each record of a version, device by device, and keeps none. What has no meaning here
   * is left out.
   *
   * @param devices whose records are read; empty for all
   */
  void forEach(
      Transaction transaction,
      Track track,
      ModelVersion version,
      long from,
      long last,
      List<String> devices,
      Consumer<Sent> reader) {
    transaction.forEach(
        """
        select device, record from telemetry_window
        where model = ? and slot = ? and window_millis = ? and version = ?
          and window_index >= ? and window_index <= ? and (? or device = any(?))
        order by device, window_index, boot_epoch, sequence
        """,
        row -> sent(row.text("device"), row.bytes("record"), version, track).ifPresent(reader),
        track.model(),
        track.slot(),
        track.windowMillis(),
        version.version(),
        from,
        last,
        devices.isEmpty(),
        devices);
  }

  private Optional<Sent> sent(String device, byte[] record, ModelVersion version, Track track) {
    try {
      io.skerry.wire.fleet.v1.Window window = io.skerry.wire.fleet.v1.Window.parseFrom(record);
      long windows = (window.getEndMillis() - window.getStartMillis()) / track.windowMillis();
      return Optional.of(new Sent(device, Math.max(1, windows), layouts.counts(version, window)));
    } catch (InvalidProtocolBufferException
        | MalformedDocumentException
        | IllegalArgumentException e) {
      logLeftOut(device, e);
      return Optional.empty();
    }
  }

  private static void logLeftOut(String device, Exception e) {
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

  /**
   * What is judged: the window with what became known in its time of what its devices' versions had
   * predicted. Labels are left out: people are asked about what seems wrong. Of what became known
   * of a prediction more than once, the newest counts.
   */
  Window withOutcomes(Transaction transaction, Track track, long window, Instant receivedUntil) {
    Window read = read(transaction, track, window, receivedUntil);
    List<Long> versions = new ArrayList<>();
    List<Double> thresholds = new ArrayList<>();
    List<Integer> classes = new ArrayList<>();
    read.manifests()
        .forEach(
            (version, manifest) ->
                monitoring
                    .of(manifest)
                    .filter(monitored -> monitored.streams().classes() > 1)
                    .ifPresent(
                        monitored -> {
                          versions.add(version.version());
                          thresholds.add(monitored.threshold());
                          classes.add(monitored.streams().classes());
                        }));
    if (versions.isEmpty()) {
      return read;
    }
    Map<String, Known> known = new HashMap<>();
    // Added up as decimals: the same in whatever order, so that judging again says the same. Of two
    // classes the score names one; of more the output does.
    transaction.forEach(
        """
        select device, version, classes, actual, count(*) as known,
          coalesce(sum(weight) filter (where predicted = actual), 0)::text as right,
          coalesce(sum(weight) filter (where predicted <> actual), 0)::text as wrong
        from (
          select distinct on (device, prediction_id) device, version, classes,
            case when classes = 2 then (score >= threshold)::int else predicted_class end
              as predicted,
            case when classes = 2 then (actual >= .5)::int
              when actual between -.5 and classes then round(actual)::int else -1 end as actual,
            round(1 / coalesce(inclusion_probability, 1)::numeric, 6) as weight
          from telemetry_feedback
          join unnest(?::bigint[], ?::text[]::float8[], ?::bigint[]) as of (version, threshold, classes)
            using (version)
          where slot = ? and model = ? and joined_at > ? and joined_at <= ? and source <> 'label'
            and case when classes = 2 then score is not null else predicted_class is not null end
          order by device, prediction_id, received_at desc, boot_epoch, sequence) outcomes
        where actual >= 0 and actual < classes
        group by device, version, classes, actual
        """,
        row ->
            known
                .computeIfAbsent(
                    ofVersion(row.text("device"), row.bigint("version")),
                    key -> new Known((int) row.bigint("classes")))
                .add(
                    row.integer("actual"),
                    row.bigint("known"),
                    new BigDecimal(row.text("right")),
                    new BigDecimal(row.text("wrong"))),
        versions,
        thresholds,
        classes.stream().map(Long::valueOf).toList(),
        track.slot(),
        track.model(),
        Instant.ofEpochMilli(track.startMillis(window)),
        Instant.ofEpochMilli(track.startMillis(window + 1)));
    Map<String, DeviceWindow.Outcomes> outcomesOf = new HashMap<>();
    known.forEach((device, counted) -> outcomesOf.put(device, counted.outcomes()));
    List<DeviceWindow> devices =
        read.devices().stream()
            .map(
                one ->
                    new DeviceWindow(
                        one.device(),
                        one.attributes(),
                        one.version(),
                        one.counts(),
                        outcomesOf.getOrDefault(
                            ofVersion(one.device().value(), one.version().version()),
                            DeviceWindow.Outcomes.NONE)))
            .toList();
    long outcomes = outcomesOf.values().stream().mapToLong(DeviceWindow.Outcomes::known).sum();
    return new Window(devices, read.manifests(), read.records(), outcomes);
  }

  /** What became known of one device's predictions, class by class. */
  private static final class Known {
    private final BigDecimal[] actual;
    private BigDecimal right = BigDecimal.ZERO;
    private BigDecimal wrong = BigDecimal.ZERO;
    private long count;

    Known(int classes) {
      actual = new BigDecimal[classes];
      Arrays.fill(actual, BigDecimal.ZERO);
    }

    void add(int of, long outcomes, BigDecimal cameTrue, BigDecimal didNot) {
      count += outcomes;
      right = right.add(cameTrue);
      wrong = wrong.add(didNot);
      actual[of] = actual[of].add(cameTrue).add(didNot);
    }

    DeviceWindow.Outcomes outcomes() {
      return new DeviceWindow.Outcomes(
          count,
          right.doubleValue(),
          wrong.doubleValue(),
          Arrays.stream(actual).map(BigDecimal::doubleValue).toList());
    }
  }

  private static String ofVersion(String device, long version) {
    return device + "@" + version;
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
