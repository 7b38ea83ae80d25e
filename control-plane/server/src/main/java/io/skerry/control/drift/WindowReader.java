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
import io.skerry.telemetry.sketch.WindowCounts;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the stored records of one window, one entry a device. */
final class WindowReader {
  private static final Logger log = LoggerFactory.getLogger(WindowReader.class);

  static final String PROFILE = "profile";

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

  private record Head(
      String device, Map<String, String> attributes, ModelVersion version, String manifest) {}

  /** Without what became known of its predictions, which judging needs. */
  Window read(Transaction transaction, Track track, long window, Instant receivedUntil) {
    Map<String, Part> parts = new TreeMap<>();
    int[] records = new int[1];
    transaction.forEach(
        """
        select w.device, w.version, w.manifest, w.predictions, w.record,
          device.labels::text as labels, device.profile
        from telemetry_window w join device on device.id = w.device
        where w.model = ? and w.slot = ? and w.window_millis = ? and w.window_index = ?
          and w.received_at <= ?
        order by w.device, w.version, w.boot_epoch, w.sequence
        """,
        row -> {
          records[0]++;
          parts
              .computeIfAbsent(
                  "%s@%d@%s"
                      .formatted(row.text("device"), row.bigint("version"), row.text("manifest")),
                  key -> new Part(head(row, track)))
              .add(row.bigint("predictions"), row.bytes("record"));
        },
        track.model(),
        track.slot(),
        track.windowMillis(),
        window,
        receivedUntil);
    // A device that switched in this window counts by the artifact that answered more.
    Map<String, Part> chosen = new TreeMap<>();
    parts
        .values()
        .forEach(
            part ->
                chosen.merge(
                    part.head.device(),
                    part,
                    (first, second) -> second.answered >= first.answered ? second : first));
    List<DeviceWindow> devices = new ArrayList<>();
    Map<ModelVersion, Digest> manifests = new HashMap<>();
    for (Part part : chosen.values()) {
      Head head = part.head;
      WindowCounts counts = part.counts;
      if (counts != null) {
        manifests.put(head.version(), Digest.parse(head.manifest()));
        devices.add(
            new DeviceWindow(
                new DeviceId(head.device()), head.attributes(), head.version(), counts));
      }
    }
    return new Window(devices, manifests, records[0], 0);
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
    read.manifests()
        .forEach(
            (version, manifest) ->
                monitoring
                    .of(manifest)
                    .filter(monitored -> monitored.streams().classes() == 2)
                    .ifPresent(
                        monitored -> {
                          versions.add(version.version());
                          thresholds.add(monitored.threshold());
                        }));
    if (versions.isEmpty()) {
      return read;
    }
    Map<String, DeviceWindow.Outcomes> known = new HashMap<>();
    // Added up as decimals: the same in whatever order, so that judging again says the same.
    transaction.forEach(
        """
        select device, version, count(*) as known,
          coalesce(sum(weight) filter (where predicted = positive), 0)::float8 as right,
          coalesce(sum(weight) filter (where predicted <> positive), 0)::float8 as wrong,
          coalesce(sum(weight) filter (where positive), 0)::float8 as positive,
          coalesce(sum(weight) filter (where not positive), 0)::float8 as negative
        from (
          select distinct on (device, prediction_id) device, version,
            score >= threshold as predicted, actual >= .5 as positive,
            round(1 / coalesce(inclusion_probability, 1)::numeric, 6) as weight
          from telemetry_feedback
          join unnest(?::bigint[], ?::text[]::float8[]) as of (version, threshold) using (version)
          where slot = ? and model = ? and joined_at > ? and joined_at <= ? and source <> 'label'
            and score is not null
          order by device, prediction_id, received_at desc, boot_epoch, sequence) outcomes
        group by device, version
        """,
        row ->
            known.put(
                ofVersion(row.text("device"), row.bigint("version")),
                new DeviceWindow.Outcomes(
                    row.bigint("known"),
                    row.number("right"),
                    row.number("wrong"),
                    List.of(row.number("negative"), row.number("positive")))),
        versions,
        thresholds,
        track.slot(),
        track.model(),
        Instant.ofEpochMilli(track.startMillis(window)),
        Instant.ofEpochMilli(track.startMillis(window + 1)));
    List<DeviceWindow> devices =
        read.devices().stream()
            .map(
                one ->
                    new DeviceWindow(
                        one.device(),
                        one.attributes(),
                        one.version(),
                        one.counts(),
                        known.getOrDefault(
                            ofVersion(one.device().value(), one.version().version()),
                            DeviceWindow.Outcomes.NONE)))
            .toList();
    long outcomes = known.values().stream().mapToLong(DeviceWindow.Outcomes::known).sum();
    return new Window(devices, read.manifests(), read.records(), outcomes);
  }

  private static String ofVersion(String device, long version) {
    return device + "@" + version;
  }

  /** What one device counted for one artifact. */
  private final class Part {
    private final Head head;
    private @Nullable WindowCounts counts;
    private boolean untrue;
    private long answered;

    Part(Head head) {
      this.head = head;
    }

    void add(long predictions, byte[] record) {
      answered += predictions;
      try {
        WindowCounts sent =
            layouts.counts(head.version(), io.skerry.wire.fleet.v1.Window.parseFrom(record));
        if (!untrue) {
          // An agent that was started anew sends the rest of the window as a second record.
          counts = counts == null ? sent : sum(counts, sent);
        }
      } catch (InvalidProtocolBufferException
          | MalformedDocumentException
          | IllegalArgumentException e) {
        log.atDebug()
            .addKeyValue("device", head.device())
            .setCause(e)
            .log("a window is not judged: its counts have no meaning here");
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
