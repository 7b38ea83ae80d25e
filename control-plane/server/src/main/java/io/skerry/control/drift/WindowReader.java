package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DeviceWindow;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Reads the stored records of one window, one entry a device. */
final class WindowReader {
  private static final String PROFILE = "profile";

  private final Gson gson = new Gson();

  /**
   * @param manifests by version, as the devices named them
   * @param records stored rows that the windows were made of
   */
  record Window(List<DeviceWindow> devices, Map<ModelVersion, Digest> manifests, int records) {}

  private record Head(
      String device, Map<String, String> attributes, ModelVersion version, Digest manifest) {}

  Window read(Transaction transaction, Track track, long window, Instant receivedUntil) {
    Map<String, Head> heads = new TreeMap<>();
    List<Head> rows =
        transaction.list(
            """
            select w.device, w.version, max(w.manifest) as manifest, sum(w.predictions) as answered,
              device.labels::text as labels, device.profile, count(*) as records
            from telemetry_window w join device on device.id = w.device
            where w.slot = ? and w.model = ? and w.window_index = ? and w.received_at <= ?
              and floor(extract(epoch from w.start_at) * 1000 / w.window_index)::bigint = ?
            group by w.device, w.version, device.labels, device.profile
            order by w.device, answered, w.version
            """,
            row -> head(row, track),
            track.slot(),
            track.model(),
            window,
            receivedUntil,
            track.windowMillis());
    // A device that switched in this window counts by the version that answered more.
    rows.forEach(head -> heads.put(head.device(), head));
    Map<String, Map<String, List<Long>>> counts = counts(transaction, track, window, receivedUntil);
    List<DeviceWindow> devices = new ArrayList<>();
    Map<ModelVersion, Digest> manifests = new HashMap<>();
    for (Head head : heads.values()) {
      manifests.put(head.version(), head.manifest());
      devices.add(
          new DeviceWindow(
              new DeviceId(head.device()),
              head.attributes(),
              head.version(),
              counts.getOrDefault(key(head.device(), head.version().version()), Map.of())));
    }
    return new Window(devices, manifests, rows.size());
  }

  private Head head(Row row, Track track) {
    Map<String, String> attributes =
        new HashMap<>(gson.fromJson(row.text("labels"), new TypeToken<Map<String, String>>() {}));
    row.optionalText("profile").ifPresent(profile -> attributes.put(PROFILE, profile));
    return new Head(
        row.text("device"),
        attributes,
        new ModelVersion(new ModelName(track.model()), row.bigint("version")),
        Digest.parse(row.text("manifest")));
  }

  private static Map<String, Map<String, List<Long>>> counts(
      Transaction transaction, Track track, long window, Instant receivedUntil) {
    Map<String, Map<String, List<Long>>> byDevice = new HashMap<>();
    transaction.forEach(
        """
        select s.device, s.version, s.stream, s.counts
        from telemetry_window_stream s
        join telemetry_window w using (device, boot_epoch, sequence)
        where s.slot = ? and s.model = ? and s.window_index = ? and w.received_at <= ?
          and floor(extract(epoch from w.start_at) * 1000 / w.window_index)::bigint = ?
        order by s.device, s.boot_epoch, s.sequence, s.stream
        """,
        row ->
            byDevice
                .computeIfAbsent(
                    key(row.text("device"), row.bigint("version")), id -> new HashMap<>())
                .merge(row.text("stream"), list(row.bigints("counts")), WindowReader::sum),
        track.slot(),
        track.model(),
        window,
        receivedUntil,
        track.windowMillis());
    return byDevice;
  }

  private static String key(String device, long version) {
    return device + "@" + version;
  }

  private static List<Long> list(long[] counts) {
    List<Long> list = new ArrayList<>(counts.length);
    for (long count : counts) {
      list.add(count);
    }
    return list;
  }

  // An agent that was started anew sends the rest of the window as a second record.
  private static List<Long> sum(List<Long> first, List<Long> second) {
    if (first.size() != second.size()) {
      return second;
    }
    List<Long> total = new ArrayList<>(first.size());
    for (int bin = 0; bin < first.size(); bin++) {
      total.add(first.get(bin) + second.get(bin));
    }
    return total;
  }
}
