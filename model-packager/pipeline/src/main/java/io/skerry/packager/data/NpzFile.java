package io.skerry.packager.data;

import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** A ZIP of NPY files: inputs {@code x}, labels {@code y}. */
final class NpzFile {
  private static final int ARRAYS_MAX = 64;
  private static final long ARRAY_BYTES_MAX = DataReader.ELEMENTS_MAX * Float.BYTES;
  private static final List<String> INPUTS = List.of("x", "inputs", "input", "arr_0");
  private static final List<String> LABELS = List.of("y", "labels", "label", "arr_1");

  /** What is read of an array that has so many items. */
  private record Part(NpyArray array, int items) {}

  private NpzFile() {}

  /** At most so many items, evenly spread over all; no others are held. */
  static Dataset read(Path file, TensorSpec input, int itemsMax) throws IOException {
    Path folder = Files.createTempDirectory("skerry-npz-");
    Path part = folder.resolve("array.npy");
    Map<String, Part> arrays = new TreeMap<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      if (zip.size() > ARRAYS_MAX) {
        throw new DataRefusedException(
            "%s: holds %d arrays, at most %d are read: write x and y only"
                .formatted(file, zip.size(), ARRAYS_MAX));
      }
      for (ZipEntry entry : zip.stream().map(e -> (ZipEntry) e).toList()) {
        String name = entry.getName().replaceFirst("\\.npy$", "");
        if (INPUTS.contains(name) || LABELS.contains(name) || zip.size() == 1) {
          arrays.put(zip.size() == 1 ? "x" : name, array(file, zip, entry, part, itemsMax));
        }
      }
    } catch (ZipException e) {
      throw new IOException("it is no NPZ archive", e);
    } finally {
      Files.deleteIfExists(part);
      Files.delete(folder);
    }
    Part inputs =
        first(arrays, INPUTS)
            .orElseThrow(
                () ->
                    new DataRefusedException(
                        "%s: holds no array 'x': name the inputs so".formatted(file)));
    Optional<Part> labels = first(arrays, LABELS);
    if (labels.isPresent() && labels.get().items() != inputs.items()) {
      throw new DataRefusedException(
          "%s: holds %d labels for %d items: give one per item"
              .formatted(file, labels.get().items(), inputs.items()));
    }
    return new Dataset(
        Samples.of(file.toString(), inputs.array(), input),
        labels.map(Part::array));
  }

  private static Part array(Path file, ZipFile zip, ZipEntry entry, Path part, int itemsMax)
      throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      inflate(file, entry, in, part);
      int[] items = new int[1];
      NpyArray array =
          NpyArray.read(
              part,
              count -> {
                items[0] = count;
                return Samples.spread(count, itemsMax);
              });
      return new Part(array, items[0]);
    } catch (IOException e) {
      throw new IOException(
          "array '%s': %s"
              .formatted(
                  entry.getName(), String.valueOf(e.getMessage()).replace(part.toString(), "it")),
          e);
    }
  }

  /** The archive's own word for an array's size is not believed. */
  private static void inflate(Path file, ZipEntry entry, InputStream in, Path part)
      throws IOException {
    byte[] buffer = new byte[1 << 16];
    long bytes = 0;
    try (OutputStream out = Files.newOutputStream(part)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        bytes += read;
        if (bytes > ARRAY_BYTES_MAX) {
          throw new DataRefusedException(
              "%s: array '%s' has more than %d bytes, the limit: take fewer items"
                  .formatted(file, entry.getName(), ARRAY_BYTES_MAX));
        }
        out.write(buffer, 0, read);
      }
    }
  }

  private static Optional<Part> first(Map<String, Part> arrays, List<String> names) {
    return names.stream().filter(arrays::containsKey).map(arrays::get).findFirst();
  }
}
