package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Reads data by what it is:
 *
 * <ul>
 *   <li>{@code *.npy}: inputs [items, ...]
 *   <li>{@code *.npz}: {@code x} (or the only array), and {@code y} if it is there
 *   <li>{@code *.csv}, {@code *.parquet}: an item a row; the column {@code label} or {@code target}
 *       is what it is
 *   <li>a folder with {@code data.yaml}: as that says
 *   <li>any other folder, {@code *.tar.gz}, {@code *.tgz}: images, a folder per class
 * </ul>
 */
public final class DataReader {
  /** The most items that are read of one source. */
  public static final int ITEMS_MAX = 1_000_000;

  /** The most elements that are read of one source: 8 GiB of a disk. */
  public static final long ELEMENTS_MAX = 1L << 31;

  /** The most elements of one item: it is held in memory. */
  private static final long ITEM_ELEMENTS_MAX = 1L << 28;

  private DataReader() {}

  /**
   * Reads items.
   *
   * @param input what the model takes; the items' elements become of its type
   * @param itemsMax when there are more, as many are taken, evenly spread over all in order
   * @throws DataRefusedException if the data is none of these, or does not fit the model; the
   *     message names file, fault and remedy
   */
  public static Dataset read(Path path, TensorSpec input, int itemsMax) {
    try {
      Dataset all = readAll(path, input, itemsMax);
      if (all.samples().type() != input.type()) {
        throw new DataRefusedException(
            "%s: holds %s, the model's input '%s' is %s: convert it"
                .formatted(path, all.samples().type(), input.name(), input.type()));
      }
      all.labels().ifPresent(labels -> checkCount(path, labels, all.samples().count()));
      return all;
    } catch (NoSuchFileException e) {
      throw new DataRefusedException(
          "%s: there is no such file: check the path".formatted(e.getMessage()), e);
    } catch (EOFException e) {
      throw new DataRefusedException(
          "%s is unreadable: it is empty or cut off: write it again".formatted(path), e);
    } catch (IOException | UncheckedIOException e) {
      throw new DataRefusedException(
          "%s is unreadable: %s: write it again".formatted(path, e.getMessage()), e);
    }
  }

  /** Whether a folder's items are those of all folders in it; else they are its own files. */
  public static boolean readsFoldersWithin(Path folder) {
    return !isRaw(folder);
  }

  private static boolean isRaw(Path folder) {
    return Files.exists(folder.resolve(RawFolder.DESCRIPTION));
  }

  private static Dataset readAll(Path path, TensorSpec input, int itemsMax) throws IOException {
    String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString());
    }
    if (Files.isDirectory(path)) {
      return isRaw(path)
          ? RawFolder.read(path, input, itemsMax)
          : ImageFiles.read(path, FileTree.ofFolder(path), input, itemsMax);
    }
    if (name.endsWith(".tar.gz") || name.endsWith(".tgz")) {
      return ImageFiles.read(path, FileTree.ofTarGz(path), input, itemsMax);
    }
    if (name.endsWith(".npz")) {
      return NpzFile.read(path, input, itemsMax);
    }
    if (name.endsWith(".csv")) {
      try (Rows rows = new Rows(path)) {
        CsvFile.read(path, itemsMax, rows);
        return rows.dataset(input);
      }
    }
    if (name.endsWith(".parquet")) {
      try (Rows rows = new Rows(path)) {
        ParquetFile.read(path, itemsMax, rows);
        return rows.dataset(input);
      }
    }
    if (name.endsWith(".npy")) {
      return new Dataset(Samples.read(path, input, itemsMax), Optional.empty());
    }
    throw new DataRefusedException(
        "%s: data is .npy, .npz, .csv, .parquet, .tar.gz of images, or a folder: convert it"
            .formatted(path));
  }

  static void checkCount(Path path, NpyArray labels, int items) {
    int count = labels.shape().length == 0 ? 0 : labels.shape()[0];
    if (count != items) {
      throw new DataRefusedException(
          "%s: holds %d labels for %d items: give one per item".formatted(path, count, items));
    }
  }

  static void checkSize(Path path, long items, long elementsPerItem) {
    if (items > ITEMS_MAX
        || elementsPerItem > ITEM_ELEMENTS_MAX
        || items * elementsPerItem > ELEMENTS_MAX) {
      throw new DataRefusedException(
          "%s: %d items of %d elements are more than %d items, %d elements each or %d of all: take fewer"
              .formatted(path, items, elementsPerItem, ITEMS_MAX, ITEM_ELEMENTS_MAX, ELEMENTS_MAX));
    }
  }

  static void requireFloats(Path path, TensorSpec input, String what) {
    if (input.type() != ElementType.FP32) {
      throw new DataRefusedException(
          "%s: %s cannot become the model's input '%s' of %s: give raw tensors"
              .formatted(path, what, input.name(), input.type()));
    }
  }
}
