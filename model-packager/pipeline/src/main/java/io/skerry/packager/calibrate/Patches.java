package io.skerry.packager.calibrate;

import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import java.nio.FloatBuffer;

/**
 * The places of a kernel over a feature map [C,H,W], and what it sees there.
 *
 * @param rows of the feature map; 1 where it has one spatial dimension
 * @param firstRow of the kernel at the first place, and so on; before the map where that is padded
 * @param outputColumns places in a row
 * @param places in all
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
    int places) {

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
        outputColumns * (flat ? 1 : output.dimension(2)));
  }

  /** Of a dense layer: one place that sees everything. */
  static Patches whole(int length) {
    return new Patches(length, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1);
  }

  int elementsPerItem() {
    return channels * rows * columns;
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
