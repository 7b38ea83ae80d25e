package io.skerry.packager.data;

import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.artifact.npy.NpyFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** A ZIP of NPY files: inputs {@code x}, labels {@code y}. */
final class NpzFile {
  private static final int ARRAYS_MAX = 64;
  private static final long ARRAY_BYTES_MAX = DataReader.ELEMENTS_MAX * Float.BYTES;
  private static final List<String> INPUTS = List.of("x", "inputs", "input", "arr_0");
  private static final List<String> LABELS = List.of("y", "labels", "label", "arr_1");

  private NpzFile() {}

  /** At most so many items, evenly spread over all; no others are held. */
  static Dataset read(Path file, TensorSpec input, int itemsMax) throws IOException {
    Path folder = Files.createTempDirectory("skerry-npz-");
    Path inputs = folder.resolve("inputs.npy");
    Path labels = folder.resolve("labels.npy");
    try (ZipFile zip = new ZipFile(file.toFile())) {
      if (zip.size() > ARRAYS_MAX) {
        throw new DataRefusedException(
            "%s: holds %d arrays, at most %d are read: write x and y only"
                .formatted(file, zip.size(), ARRAYS_MAX));
      }
      ZipEntry x =
          first(zip, INPUTS)
              .or(() -> only(zip))
              .orElseThrow(
                  () ->
                      new DataRefusedException(
                          "%s: holds no array 'x': name the inputs so".formatted(file)));
      Optional<ZipEntry> y = zip.size() == 1 ? Optional.empty() : first(zip, LABELS);
      inflate(file, zip, x, inputs);
      Optional<NpyArray> chosen = Optional.empty();
      if (y.isPresent()) {
        inflate(file, zip, y.get(), labels);
        int items = items(x, inputs);
        int count = items(y.get(), labels);
        if (count != items) {
          throw new DataRefusedException(
              "%s: holds %d labels for %d items: give one per item".formatted(file, count, items));
        }
        chosen =
            Optional.of(
                reading(
                    y.get(),
                    labels,
                    () -> NpyArray.read(labels, rows -> Samples.spread(rows, itemsMax))));
        Files.delete(labels);
      }
      return new Dataset(reading(x, inputs, () -> samples(file, inputs, input, itemsMax)), chosen);
    } catch (ZipException e) {
      throw new IOException("it is no NPZ archive", e);
    } finally {
      Files.deleteIfExists(inputs);
      Files.deleteIfExists(labels);
      Files.delete(folder);
    }
  }

  private static Samples samples(Path file, Path inputs, TensorSpec input, int itemsMax)
      throws IOException {
    try (NpyFile open = NpyFile.open(inputs)) {
      return Samples.read(file.toString(), open, input, itemsMax);
    }
  }

  private static int items(ZipEntry entry, Path array) throws IOException {
    return reading(
        entry,
        array,
        () -> {
          try (NpyFile open = NpyFile.open(array)) {
            return open.shape().length == 0 ? 0 : open.shape()[0];
          }
        });
  }

  @FunctionalInterface
  private interface Reading<T> {
    T read() throws IOException;
  }

  private static <T> T reading(ZipEntry entry, Path array, Reading<T> reading) throws IOException {
    try {
      return reading.read();
    } catch (IOException e) {
      throw new IOException(
          "array '%s': %s"
              .formatted(
                  entry.getName(), String.valueOf(e.getMessage()).replace(array.toString(), "it")),
          e);
    }
  }

  private static Optional<ZipEntry> only(ZipFile zip) {
    return zip.size() == 1 ? zip.stream().map(e -> (ZipEntry) e).findFirst() : Optional.empty();
  }

  private static Optional<ZipEntry> first(ZipFile zip, List<String> names) {
    return names.stream()
        .flatMap(name -> Stream.of(name + ".npy", name))
        .flatMap(name -> Optional.ofNullable(zip.getEntry(name)).stream())
        .findFirst();
  }

  /** The archive's own word for an array's size is not believed. */
  private static void inflate(Path file, ZipFile zip, ZipEntry entry, Path part)
      throws IOException {
    reading(
        entry,
        part,
        () -> {
          try (InputStream in = zip.getInputStream(entry)) {
            inflate(file, entry, in, part);
          }
          return part;
        });
  }

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
}
