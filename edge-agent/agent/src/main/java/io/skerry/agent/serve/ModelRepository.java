package io.skerry.agent.serve;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder of models served without a control plane:
 *
 * <pre>{@code
 * <folder>/<model>/<version>/model.onnx | model.tflite
 * }</pre>
 *
 * <p>Every version is loaded; the highest answers requests that name none. What cannot be loaded is
 * listed with its reason, and the others are served.
 */
public final class ModelRepository implements ModelListing {
  /** The most versions that a folder may hold. */
  public static final int VERSIONS_MAX = 1_000;

  private static final Logger log = LoggerFactory.getLogger(ModelRepository.class);

  private final List<Entry> entries;

  private ModelRepository(List<Entry> entries) {
    this.entries =
        entries.stream()
            .sorted(
                Comparator.comparing(Entry::model)
                    .thenComparing(entry -> entry.version().length())
                    .thenComparing(Entry::version))
            .toList();
  }

  /**
   * Loads every version in the folder into a slot of its own.
   *
   * @throws IOException if the folder cannot be read, or holds more than {@link #VERSIONS_MAX}
   *     versions
   */
  public static ModelRepository load(
      Path folder, EngineCatalog engines, LoadOptions options, ModelSlots slots)
      throws IOException {
    List<Entry> entries = new ArrayList<>();
    for (Path model : subfolders(folder)) {
      List<Path> versions = subfolders(model);
      if (entries.size() + Math.max(1, versions.size()) > VERSIONS_MAX) {
        throw new IOException(
            "%s holds more than %d model versions".formatted(folder, VERSIONS_MAX));
      }
      if (versions.isEmpty()) {
        entries.add(
            refused(name(model), "", "has no version: expected %s/1/model.onnx".formatted(model)));
      }
      for (Path version : versions) {
        entries.add(load(model, version, engines, options, slots));
      }
    }
    return new ModelRepository(entries);
  }

  @Override
  public List<Entry> entries() {
    return entries;
  }

  private static Entry load(
      Path model, Path version, EngineCatalog engines, LoadOptions options, ModelSlots slots) {
    try {
      ModelVersion identity = new ModelVersion(new ModelName(name(model)), number(version));
      SlotId slot = new SlotId("%s.%d".formatted(identity.model(), identity.version()));
      Path file = modelFile(version);
      ServingModel loaded =
          new ServingModel(slot, identity, digest(file), engines.load(file, options));
      slots.activate(slot, loaded);
      log.atInfo()
          .addKeyValue("model", identity)
          .addKeyValue("engine", loaded.engine())
          .addKeyValue("providers", loaded.providers())
          .log("model loaded");
      return new Entry(name(model), name(version), true, "");
    } catch (EngineException | IllegalArgumentException e) {
      return refused(name(model), name(version), String.valueOf(e.getMessage()));
    } catch (IOException e) {
      return refused(name(model), name(version), "cannot be read: " + e.getMessage());
    }
  }

  private static Entry refused(String model, String version, String reason) {
    return new Entry(model, version, false, reason);
  }

  private static long number(Path version) {
    try {
      return Long.parseLong(name(version));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'%s' is no version number".formatted(name(version)), e);
    }
  }

  private static Path modelFile(Path version) throws EngineException {
    List<Path> found =
        Stream.of("model.onnx", "model.tflite")
            .map(version::resolve)
            .filter(Files::isRegularFile)
            .toList();
    if (found.size() != 1) {
      throw new EngineException(
          EngineException.Reason.MODEL_INVALID,
          "%s must hold either model.onnx or model.tflite".formatted(version));
    }
    return found.getFirst();
  }

  private static Digest digest(Path file) throws IOException {
    MessageDigest sha256 = Digest.newMessageDigest();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), sha256)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return Digest.of(sha256);
  }

  private static List<Path> subfolders(Path folder) throws IOException {
    try (Stream<Path> children = Files.list(folder)) {
      return children
          .filter(Files::isDirectory)
          .filter(child -> !name(child).startsWith("."))
          .sorted()
          .limit(VERSIONS_MAX + 1L)
          .toList();
    }
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }
}
