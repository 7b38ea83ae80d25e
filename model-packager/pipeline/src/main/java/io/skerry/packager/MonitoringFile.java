package io.skerry.packager;

import io.skerry.artifact.job.JobFailure;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.MonitoringSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** Reads what a person says about monitoring, as {@code docs/telemetry.md} describes it. */
final class MonitoringFile {
  private static final long BYTES_MAX = 1 << 20;

  private MonitoringFile() {}

  /**
   * Reads a YAML file.
   *
   * @throws JobFailure that names the file, every wrong field, and what to do
   */
  static MonitoringSettings read(Path file) throws IOException {
    if (Files.size(file) > BYTES_MAX) {
      throw refused(file.toString(), "it has more than %d bytes: shorten it".formatted(BYTES_MAX));
    }
    try {
      Object loaded =
          new Load(LoadSettings.builder().setLabel(file.toString()).build())
              .loadFromString(Files.readString(file));
      if (!(loaded instanceof Map<?, ?> tree)) {
        throw refused(file.toString(), "it must hold 'features', 'privacy' or 'budget'");
      }
      return settings(file.toString(), tree);
    } catch (YamlEngineException e) {
      throw refused(
          file.toString(),
          "it is no YAML: %s: correct it"
              .formatted(String.valueOf(e.getMessage()).strip().replaceAll("\\s+", " ")));
    } catch (StackOverflowError e) {
      throw refused(file.toString(), "it is nested too deeply: write what it must hold");
    }
  }

  static MonitoringSettings settings(String source, Map<?, ?> tree) {
    try {
      return MonitoringSettings.of(tree);
    } catch (MalformedDocumentException e) {
      throw refused(source, String.valueOf(e.getMessage()));
    }
  }

  private static JobFailure refused(String source, String fault) {
    return new JobFailure(ErrorCode.REQUEST_INVALID, "%s: %s".formatted(source, fault));
  }
}
