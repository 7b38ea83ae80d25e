package io.skerry.packager.calibrate;

import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import java.nio.FloatBuffer;

/**
 * The places of a kernel over a feature map [C,H,W], of which every so manieth is looked at.
 *
 * @param rows of the feature map; 1 where it has one spatial dimension
 * @param firstRow of the kernel at the first place, and so on; before the map where that is padded
 * @param outputColumns places in a row
 * @param places in all
 * @param step from one place that is looked at to the next
 */
record Patches(
    int channels,
    int rows,
    int columns,
    int kernelRows,
    int kernelColumns,
    int strideRows,
    int strideColumns,
    int dilationRows,
    int dilationColumns,
    int firstRow,
    int firstColumn,
    int outputColumns,
    int places,
    int step) {

  /** Of a convolution. */
  static Patches of(Window window, Shape input, Shape output) {
    int across = window.rank() - 1;
    boolean flat = across == 0;
    int outputColumns = output.dimension(across + 2);
    return new Patches(
        input.dimension(1),
        flat ? 1 : input.dimension(2),
        input.dimension(across + 2),
        flat ? 1 : window.kernel().getFirst(),
        window.kernel().get(across),
        flat ? 1 : window.strides().getFirst(),
        window.strides().get(across),
        flat ? 1 : window.dilations().getFirst(),
        window.dilations().get(across),
        flat ? 0 : -window.before().getFirst(),
        -window.before().get(across),
        outputColumns,
        outputColumns * (flat ? 1 : output.dimension(2)),
        1);
  }

  /** Of a dense layer: one place that sees everything. */
  static Patches whole(int length) {
    return new Patches(length, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1);
  }

  /** As many places of each item as make about so many patches of all items. */
  Patches some(int patches, int items) {
    int perItem = Math.max(1, patches / Math.max(1, items));
    return new Patches(
        channels,
        rows,
        columns,
        kernelRows,
        kernelColumns,
        strideRows,
        strideColumns,
        dilationRows,
        dilationColumns,
        firstRow,
        firstColumn,
        outputColumns,
        places,
        Math.max(1, places / perItem));
  }

  int elementsPerItem() {
    return channels * rows * columns;
  }

  /** The first place of an item that is looked at: another one of each, so that all are seen. */
  int first(int item) {
    return item % step;
  }

  /** Reads what the kernel sees at a place, channel after channel. */
  void read(FloatBuffer values, int from, int place, float[] patch) {
    int row = firstRow + place / outputColumns * strideRows;
    int column = firstColumn + place % outputColumns * strideColumns;
    int i = 0;
    for (int c = 0; c < channels; c++) {
      for (int y = 0; y < kernelRows; y++) {
        int atRow = row + y * dilationRows;
        for (int x = 0; x < kernelColumns; x++) {
          int atColumn = column + x * dilationColumns;
          boolean inside = atRow >= 0 && atRow < rows && atColumn >= 0 && atColumn < columns;
          patch[i++] = inside ? values.get(from + (c * rows + atRow) * columns + atColumn) : 0;
        }
      }
    }
  }
}
