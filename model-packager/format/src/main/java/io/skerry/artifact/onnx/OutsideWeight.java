package io.skerry.artifact.onnx;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A constant of an ONNX model whose bytes lie in a file beside the model. The file's name comes
 * from the model, which may come from anywhere: only regular files in the model's folder or below
 * count, and no link is followed.
 *
 * @param constant its name, for people
 * @param location the file's path, relative to the model's folder
 * @param offset first byte in the file
 * @param length bytes from there; absent for all that follow
 */
public record OutsideWeight(String constant, String location, long offset, OptionalLong length) {
  private static final Set<String> KEYS = Set.of("location", "offset", "length", "checksum");

  /**
   * What the entries of a constant's external data say.
   *
   * @throws WeightsRefusedException if one is unknown or no number
   */
  public static OutsideWeight of(String constant, Map<String, String> entries)
      throws WeightsRefusedException {
    for (String key : entries.keySet()) {
      if (!KEYS.contains(key)) {
        throw refused(constant, "has the unknown key '%.100s'".formatted(key));
      }
    }
    return new OutsideWeight(
        constant,
        entries.getOrDefault("location", ""),
        number(constant, entries, "offset").orElse(0),
        number(constant, entries, "length"));
  }

  private static OptionalLong number(String constant, Map<String, String> entries, String key)
      throws WeightsRefusedException {
    String text = entries.get(key);
    if (text == null) {
      return OptionalLong.empty();
    }
    if (!text.matches("[0-9]{1,18}")) {
      throw refused(constant, "has the %s '%.100s'".formatted(key, text));
    }
    return OptionalLong.of(Long.parseLong(text));
  }

  /**
   * The path of the file within the model's folder, without detours.
   *
   * @throws WeightsRefusedException if it leaves the folder
   */
  public Path within() throws WeightsRefusedException {
    Path relative;
    try {
      relative = Path.of(location);
    } catch (InvalidPathException e) {
      throw refused(constant, "names no file: '%.100s'".formatted(location));
    }
    Path within = relative.normalize();
    if (relative.isAbsolute() || within.toString().isEmpty() || within.startsWith("..")) {
      throw refused(constant, "lies at '%.300s', outside the model's folder".formatted(location));
    }
    return within;
  }

  /**
   * The file.
   *
   * @param folder the model's
   * @throws WeightsRefusedException if it is outside the folder, not there, or no regular file
   */
  public Path file(Path folder) throws IOException, WeightsRefusedException {
    Path file = folder.resolve(within());
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        || !file.toRealPath().startsWith(folder.toRealPath())) {
      throw refused(
          constant,
          "lies in '%.300s', which is no regular file beside the model".formatted(location));
    }
    return file;
  }

  /**
   * How many bytes it takes of its file.
   *
   * @param size of the file
   * @throws WeightsRefusedException if the file ends before
   */
  public long lengthIn(long size) throws WeightsRefusedException {
    long bytes = length.orElse(Math.max(0, size - offset));
    if (offset > size || bytes > size - offset) {
      throw refused(
          constant,
          "is said to be bytes %d to %d of '%.300s', which has %d"
              .formatted(offset, offset + bytes, location, size));
    }
    return bytes;
  }

  private static WeightsRefusedException refused(String constant, String fault) {
    return WeightsRefusedException.of(
        constant,
        "constant '%.200s' %s: save the model as one file, or put its weights beside it"
            .formatted(constant, fault));
  }
}
