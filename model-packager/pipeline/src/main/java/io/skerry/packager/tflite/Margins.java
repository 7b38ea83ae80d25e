package io.skerry.packager.tflite;

import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Window;
import io.skerry.packager.quantize.TensorScale;
import org.jspecify.annotations.Nullable;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.PadOptionsT;
import org.tensorflow.lite.schema.PadV2OptionsT;

/** Margins around what a window moves over, where the format's own paddings are other ones. */
record Margins(TfliteFile file, Tensors tensors) {
  /**
   * Writes them as an operator of their own.
   *
   * @param scale of integers
   * @param value that they consist of
   * @return the tensor with its margins
   */
  int around(Node node, Window window, int input, @Nullable TensorScale scale, float value) {
    int[] shape = tensors.shape(node.input(), Layout.CHANNELS_LAST);
    int across = window.rank() - 1;
    int top = window.rank() == 1 ? 0 : window.before().getFirst();
    int bottom = window.rank() == 1 ? 0 : window.after().getFirst();
    int left = window.before().get(across);
    int right = window.after().get(across);
    shape[1] += top + bottom;
    shape[2] += left + right;
    int[] pairs = {0, 0, top, bottom, left, right, 0, 0};
    int padded = file.activation(node.output() + "_padded", shape, scale);
    int[] bare = tensors.shape(node.input(), Layout.CHANNELS_LAST);
    if (value != 0 && ElementMoves.canBeAround(bare, pairs)) {
      new ElementMoves(file, tensors, node.output(), scale)
          .around(input, bare, pairs, value, padded);
      return padded;
    }
    int version = scale == null ? 1 : 2;
    int amounts = file.integerPairs(node.output() + "_padding", pairs);
    if (value == 0) {
      file.operator(
          BuiltinOperator.PAD,
          version,
          new int[] {input, amounts},
          padded,
          BuiltinOptions.PadOptions,
          new PadOptionsT());
    } else {
      file.operator(
          BuiltinOperator.PADV2,
          version,
          new int[] {input, amounts, file.number(node.output() + "_around", value, scale)},
          padded,
          BuiltinOptions.PadV2Options,
          new PadV2OptionsT());
    }
    return padded;
  }
}
