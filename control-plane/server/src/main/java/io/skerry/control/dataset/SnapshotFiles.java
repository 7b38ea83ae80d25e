package io.skerry.control.dataset;

import io.skerry.control.ingest.Seals;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files of snapshots, named by their paths below the data folder. */
final class SnapshotFiles {
  /** Where they lie; nothing else does. */
  static final String DATASETS = "lake/datasets";

  private static final Logger log = LoggerFactory.getLogger(SnapshotFiles.class);
  private static final String COLLECTED = "collected";
  private static final TenantId USUAL_TENANT = new TenantId("default");

  private final Path root;
  private final CollectedSeals seals;

  SnapshotFiles(Path root, Seals seals) {
    this.root = root;
    this.seals = collectedSeals(seals);
  }

  private static CollectedSeals collectedSeals(Seals seals) {
    return new CollectedSeals() {
      @Override
      public byte[] seal(TenantId tenant, String name, byte[] input) {
        return seals.seal(tenant, COLLECTED, name, input);
      }

      @Override
      public byte[] open(TenantId tenant, String name, byte[] sealed) {
        return seals.open(tenant, COLLECTED, name, sealed);
      }
    };
  }

  void writeSeries(String file, SnapshotContent content) throws IOException {
    LakeFiles.writeSeries(root.resolve(file), content);
  }

  void writeCollected(String file, SnapshotContent content) throws IOException {
    LakeFiles.writeCollected(root.resolve(file), content, seals);
  }

  /** Writes what is left to a new file, and tells its name. */
  String writeSeriesBeside(String file, SnapshotContent left) throws IOException {
    String beside = beside(file);
    writeSeries(beside, left);
    return beside;
  }

  /** Writes what is left to a new file, and tells its name. */
  String writeCollectedBeside(String file, SnapshotContent left) throws IOException {
    String beside = beside(file);
    writeCollected(beside, left);
    return beside;
  }

  /**
   * What a snapshot holds.
   *
   * @throws IOException if that is not what was expected, or cannot be read
   */
  SnapshotContent content(Snapshot snapshot, Digest expected) throws IOException {
    Map<DeviceId, Split> splits = new HashMap<>();
    List<DeviceSeries> series = List.of();
    List<CollectedWindow> collected = List.of();
    if (snapshot.seriesFile() != null) {
      series =
          LakeFiles.readSeries(root.resolve(snapshot.seriesFile()), snapshot.features(), splits);
    }
    if (snapshot.collectedFile() != null) {
      collected =
          LakeFiles.readCollected(
              root.resolve(snapshot.collectedFile()),
              new CollectedWindow.Origin(USUAL_TENANT, "", snapshot.createdAt()),
              seals,
              splits);
    }
    SnapshotContent content =
        new SnapshotContent(
            snapshot.features(), snapshot.window(), snapshot.repeat(), series, collected, splits);
    Digest found = content.digest();
    if (!found.equals(expected)) {
      throw new IOException(
          "snapshot %s was changed in the lake: its content is now %s"
              .formatted(snapshot.digest(), found));
    }
    return content;
  }

  /** Whether a snapshot holds a device or one of these predictions; no input is opened for it. */
  boolean holds(Snapshot snapshot, @Nullable String device, Set<String> predictions)
      throws IOException {
    if (device != null
        && snapshot.seriesFile() != null
        && LakeFiles.devices(root.resolve(snapshot.seriesFile())).contains(device)) {
      return true;
    }
    if (snapshot.collectedFile() == null) {
      return false;
    }
    Path collected = root.resolve(snapshot.collectedFile());
    return (device != null && LakeFiles.devices(collected).contains(device))
        || (!predictions.isEmpty()
            && !Collections.disjoint(predictions, LakeFiles.keys(collected)));
  }

  /** Whether a file holds inputs that are open, or that are kept no longer. */
  boolean isDue(String name, Function<String, Instant> keptFrom) throws IOException {
    Path file = root.resolve(name);
    return !LakeFiles.isSealed(file)
        || LakeFiles.oldest(file).entrySet().stream()
            .anyMatch(oldest -> oldest.getValue().isBefore(keptFrom.apply(oldest.getKey())));
  }

  private static String beside(String file) {
    return file.substring(0, file.lastIndexOf('/') + 1) + UUID.randomUUID() + ".parquet";
  }

  /** Removes all files of datasets but these. */
  void removeBut(Set<String> named) {
    Path datasets = root.resolve(DATASETS);
    if (!Files.isDirectory(datasets)) {
      return;
    }
    try (Stream<Path> found = Files.walk(datasets)) {
      for (Path file : found.filter(Files::isRegularFile).toList()) {
        if (!named.contains(root.relativize(file).toString())) {
          Files.deleteIfExists(file);
          log.atInfo().addKeyValue("file", file).log("file of a dataset removed: nobody names it");
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void delete(String file) {
    try {
      Files.deleteIfExists(root.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
