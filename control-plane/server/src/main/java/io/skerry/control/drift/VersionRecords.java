package io.skerry.control.drift;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Reads the stored records of one version one by one, over many windows. */
final class VersionRecords {
  private final WindowLayouts layouts;

  VersionRecords(WindowLayouts layouts) {
    this.layouts = layouts;
  }

  /** The version that most devices run, and the manifest that most of these name. */
  record Running(ModelVersion version, Digest manifest) {}

  /**
   * What one record says; a device has several.
   *
   * @param windowMillis length of one of its windows
   * @param windows that were counted together, at least 1
   */
  record Sent(String device, long windowMillis, long windows, WindowCounts counts) {}

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
        row -> sent(row.text("device"), row.bytes("record"), version).ifPresent(reader),
        track.model(),
        track.slot(),
        track.windowMillis(),
        version.version(),
        from,
        last,
        devices.isEmpty(),
        devices);
  }

  private Optional<Sent> sent(String device, byte[] record, ModelVersion version) {
    try {
      io.skerry.wire.fleet.v1.Window window = io.skerry.wire.fleet.v1.Window.parseFrom(record);
      long millis = window.getEndMillis() / (window.getWindow() + 1);
      long windows = (window.getEndMillis() - window.getStartMillis()) / millis;
      return Optional.of(
          new Sent(device, millis, Math.max(1, windows), layouts.counts(version, window)));
    } catch (InvalidProtocolBufferException
        | MalformedDocumentException
        | IllegalArgumentException e) {
      WindowReader.logLeftOut(device, e);
      return Optional.empty();
    }
  }
}
