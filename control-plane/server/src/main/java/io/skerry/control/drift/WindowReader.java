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

  WindowReader(WindowLayouts layouts) {
    this.layouts = layouts;
  }

  /**
   * @param manifests by version, as the devices named them
   * @param records stored rows that the windows were made of
   */
  record Window(List<DeviceWindow> devices, Map<ModelVersion, Digest> manifests, int records) {}

  private record Head(
      String device, Map<String, String> attributes, ModelVersion version, String manifest) {}

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
    return new Window(devices, manifests, records[0]);
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
