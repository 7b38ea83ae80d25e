package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A table of numbers while it is read: every row as many, one column of them labels or none. The
 * numbers lie in a file, the labels in memory.
 */
final class Rows implements AutoCloseable {
  private final Path source;
  private final ItemsFile items;
  private final List<Float> labels = new ArrayList<>();
  private int labelColumn = -1;
  private int count;
  private int width = -1;

  /** An empty one of a source without column names. */
  Rows(Path source) {
    this.source = source;
    this.items = ItemsFile.create(source.toString(), ElementType.FP32);
  }

  /** Names the columns; before the first row. */
  void name(List<String> header) {
    labelColumn = labelColumn(header).orElse(-1);
  }

  private static OptionalInt labelColumn(List<String> header) {
    for (int i = 0; i < header.size(); i++) {
      // R writes names in quotes.
      String name = header.get(i).replace('"', ' ').strip().toLowerCase(Locale.ROOT);
      if (name.equals("label") || name.equals("target")) {
        return OptionalInt.of(i);
      }
    }
    return OptionalInt.empty();
  }

  boolean isLabel(int column) {
    return column == labelColumn;
  }

  /** Adds a row; false when it has another number of values than the first. */
  boolean add(float[] values, float label) {
    if (width >= 0 && width != values.length) {
      return false;
    }
    width = values.length;
    items.put((long) count * width, values);
    count++;
    if (labelColumn >= 0) {
      labels.add(label);
    }
    return true;
  }

  int count() {
    return count;
  }

  int columns() {
    return Math.max(0, width);
  }

  /** All rows, an item each. */
  Dataset dataset(TensorSpec input) {
    Samples.checkShape(source.toString(), new int[] {count, columns()}, input.elementsPerItem());
    return new Dataset(
        Samples.of(source.toString(), items, count, columns()),
        labels().map(all -> NpyArray.ofFloats(all, all.length)));
  }

  private Optional<float[]> labels() {
    if (labelColumn < 0) {
      return Optional.empty();
    }
    float[] all = new float[labels.size()];
    for (int i = 0; i < all.length; i++) {
      all[i] = labels.get(i);
    }
    return Optional.of(all);
  }

  @Override
  public void close() throws IOException {
    items.close();
  }
}
