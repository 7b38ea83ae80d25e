package io.skerry.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv1d;
import ai.djl.nn.core.Linear;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.training.NetworkWeights.Affine;
import java.util.Arrays;

/**
 * The network, from normalised windows to one logit, or to one of each class:
 *
 * <pre>{@code
 * [N, F, W]
 * convolution 5, stride 1, 32 channels, ReLU
 * convolution 3, stride 2, 32 channels, ReLU
 * convolution 3, stride 1, 32 channels, ReLU
 * mean over time
 * dense 32, ReLU
 * dense 1, or as many as there are classes if these are more than two
 * }</pre>
 *
 * <p>No convolution pads.
 */
final class Network {
  static final int CHANNELS = 32;
  static final int HIDDEN = 32;
  static final int FIRST_KERNEL = 5;
  static final int NEXT_KERNEL = 3;
  static final int SECOND_STRIDE = 2;

  /** The shortest window that leaves one step after the third convolution. */
  static final int WINDOW_MIN = 11;

  private static final int TIME_AXIS = 2;

  private final AbstractBlock first = convolution(FIRST_KERNEL, 1);
  private final AbstractBlock second = convolution(NEXT_KERNEL, SECOND_STRIDE);
  private final AbstractBlock third = convolution(NEXT_KERNEL, 1);
  private final AbstractBlock hidden = Linear.builder().setUnits(HIDDEN).build();
  private final AbstractBlock score;
  private final SequentialBlock whole;

  /** A network that says so many figures of an example. */
  Network(int outputs) {
    score = Linear.builder().setUnits(outputs).build();
    whole =
        new SequentialBlock()
            .add(first)
            .add(Activation::relu)
            .add(second)
            .add(Activation::relu)
            .add(third)
            .add(Activation::relu)
            .add(Network::meanOverTime)
            .add(hidden)
            .add(Activation::relu)
            .add(score);
  }

  private static AbstractBlock convolution(int kernel, int stride) {
    return Conv1d.builder()
        .setKernelShape(new Shape(kernel))
        .setFilters(CHANNELS)
        .optStride(new Shape(stride))
        .build();
  }

  private static NDList meanOverTime(NDList list) {
    return new NDList(list.singletonOrThrow().mean(new int[] {TIME_AXIS}));
  }

  Block block() {
    return whole;
  }

  /** The weights as they are now, copied. */
  NetworkWeights weights(Normalisation normalisation) {
    return new NetworkWeights(
        normalisation, affine(first), affine(second), affine(third), affine(hidden), affine(score));
  }

  private static Affine affine(Block block) {
    return new Affine(parameter(block, "weight"), parameter(block, "bias"));
  }

  private static NpyArray parameter(Block block, String name) {
    NDArray array = block.getParameters().get(name).getArray();
    int[] shape = Arrays.stream(array.getShape().getShape()).mapToInt(Math::toIntExact).toArray();
    return NpyArray.ofFloats(array.toFloatArray(), shape);
  }
}
