package io.skerry.packager.data;

import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.io.IOException;
import java.io.InputStream;
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

  private NpzFile() {}

  static Dataset read(Path file, TensorSpec input) throws IOException {
    Path folder = Files.createTempDirectory("skerry-npz-");
    Path part = folder.resolve("array.npy");
    Map<String, NpyArray> arrays = new TreeMap<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      if (zip.size() > ARRAYS_MAX) {
        throw new DataRefusedException(
            "%s: holds %d arrays, at most %d are read: write x and y only"
                .formatted(file, zip.size(), ARRAYS_MAX));
      }
      for (ZipEntry entry : zip.stream().map(e -> (ZipEntry) e).toList()) {
        String name = entry.getName().replaceFirst("\\.npy$", "");
        if (INPUTS.contains(name) || LABELS.contains(name) || zip.size() == 1) {
          arrays.put(zip.size() == 1 ? "x" : name, array(file, zip, entry, part));
        }
      }
    } catch (ZipException e) {
      throw new IOException("it is no NPZ archive", e);
    } finally {
      Files.deleteIfExists(part);
      Files.delete(folder);
    }
    NpyArray inputs =
        first(arrays, INPUTS)
            .orElseThrow(
                () ->
                    new DataRefusedException(
                        "%s: holds no array 'x': name the inputs so".formatted(file)));
    return new Dataset(
        Samples.of(file.toString(), inputs, input.elementsPerItem()), first(arrays, LABELS));
  }

  private static NpyArray array(Path file, ZipFile zip, ZipEntry entry, Path part)
      throws IOException {
    if (entry.getSize() > ARRAY_BYTES_MAX) {
      throw new DataRefusedException(
          "%s: array '%s' has %d bytes, the limit is %d: take fewer items"
              .formatted(file, entry.getName(), entry.getSize(), ARRAY_BYTES_MAX));
    }
    Files.deleteIfExists(part);
    try (InputStream in = zip.getInputStream(entry)) {
      Files.copy(in, part);
      return NpyArray.read(part);
    } catch (IOException e) {
      throw new IOException(
          "array '%s': %s"
              .formatted(
                  entry.getName(), String.valueOf(e.getMessage()).replace(part.toString(), "it")),
          e);
    }
  }

  private static Optional<NpyArray> first(Map<String, NpyArray> arrays, List<String> names) {
    return names.stream().filter(arrays::containsKey).map(arrays::get).findFirst();
  }
}
