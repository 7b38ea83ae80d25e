package io.skerry.packager.graph;

import java.util.List;

/**
 * What a node computes. Feature maps are [N,C,W] or [N,C,H,W]; operands that must be constant are
 * said so.
 */
public sealed interface Op {
  /** x ∘ y, broadcast as in NumPy; at most one operand is constant. */
  record Binary(Binary.Kind kind) implements Op {
    /** Which. */
    public enum Kind {
      ADD,
      SUB,
      MUL,
      DIV
    }
  }

  /** Convolution: x, constant weights [O,I/group,...], constant bias [O] or none. */
  record Conv(Window window, int group) implements Op {}

  /** x · weightsᵀ + bias: x [N,I], constant weights [O,I], constant bias or none. */
  record Dense() implements Op {}

  /** x · y, each item and each of the dimensions before the last two by itself: both computed. */
  record MatMul() implements Op {}

  /** An activation that could not be joined to the node before it. */
  record Activate(Activation activation) implements Op {}

  /** Largest of each window; padding never wins. */
  record MaxPool(Window window) implements Op {}

  /**
   * Mean of each window.
   *
   * @param countPadding whether padding counts as zeros
   */
  record AveragePool(Window window, boolean countPadding) implements Op {}

  /** Mean over all spatial dimensions, each kept as 1. */
  record GlobalAveragePool() implements Op {}

  /** Same elements in another shape; the batch stays first. */
  record Reshape(Shape shape) implements Op {}

  /** Same elements with their dimensions in another order; the batch stays first. */
  record Transpose(List<Integer> permutation) implements Op {
    public Transpose {
      permutation = List.copyOf(permutation);
    }
  }

  /** Operands after each other along an axis ≥ 1; none is constant. */
  record Concat(int axis) implements Op {}

  /** A function of each element. */
  record Function(Function.Kind kind, float slope) implements Op {
    /** Which. */
    public enum Kind {
      TANH,
      /** x · max(0, min(1, x / 6 + 1/2)). */
      HARD_SWISH,
      /** x above 0, slope · x below. */
      LEAKY_RELU,
      /** x · Φ(x), the normal distribution's share below x. */
      GELU,
      /** The same, nearly: x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2. */
      GELU_TANH,
      /** The error function. */
      ERF,
      SQRT
    }
  }

  /** x above 0, slope · x below: x, constant slopes that are broadcast to it. */
  record ParametricRelu() implements Op {}

  /** Mean over some dimensions after the batch, each kept as 1. */
  record Mean(List<Integer> axes) implements Op {
    public Mean {
      axes = List.copyOf(axes);
    }
  }

  /**
   * (x − mean) / √(variance + epsilon) · factor + shift, of the elements along the last dimension:
   * x, constant factors [I], constant shifts [I].
   */
  record LayerNormalization(float epsilon) implements Op {}

  /** Each element, but no less than the one and no more than the other. */
  record Clip(float minimum, float maximum) implements Op {
    /** From here on, a bound is none. */
    public static final float UNBOUNDED = 1e30f;
  }

  /**
   * Elements put around.
   *
   * @param before how many, one number per dimension, none for the batch
   * @param after the same, at the other end
   */
  record Pad(List<Integer> before, List<Integer> after, float value) implements Op {
    public Pad {
      before = List.copyOf(before);
      after = List.copyOf(after);
    }
  }

  /**
   * Some of the elements: along each dimension after the batch, so many, from one on, a step apart.
   */
  record Slice(List<Integer> begin, List<Integer> size, List<Integer> steps) implements Op {
    public Slice {
      begin = List.copyOf(begin);
      size = List.copyOf(size);
      steps = List.copyOf(steps);
    }

    /** The element after the last, along a dimension after the batch. */
    public int end(int i) {
      return begin.get(i) + (size.get(i) - 1) * steps.get(i) + 1;
    }
  }

  /**
   * A feature map in another size, as ONNX's Resize says.
   *
   * @param mode {@code nearest} or {@code linear}
   * @param coordinates how places of the output become places of the input
   * @param rounding of such a place, where the mode is {@code nearest}
   * @param scales one per dimension, 1 for batch and channels
   */
  record Resize(String mode, String coordinates, String rounding, List<Float> scales)
      implements Op {
    public Resize {
      scales = List.copyOf(scales);
    }

    /** A scale that makes one size of another when the product is rounded down. */
    public static float scale(int from, int to) {
      float scale = (float) to / from;
      return Math.floor((double) from * scale) < to ? Math.nextUp(scale) : scale;
    }
  }

  /**
   * Transposed convolution: x, constant weights [I,O/group,...], constant bias [O] or none.
   *
   * @param window of the convolution whose gradient it is
   * @param more elements at the end of each spatial dimension of the output
   */
  record ConvTranspose(Window window, List<Integer> more, int group) implements Op {
    public ConvTranspose {
      more = List.copyOf(more);
    }

    /** The output that an element of the weights is for. */
    public int outputOf(int element, Shape weights) {
      int perInput = weights.elements() / weights.dimension(0);
      int perOutput = perInput / weights.dimension(1);
      int ofGroup = element / perInput / (weights.dimension(0) / group);
      return ofGroup * weights.dimension(1) + element % perInput / perOutput;
    }
  }

  /** 1 / (1 + e⁻ˣ). */
  record Sigmoid() implements Op {}

  /** Softmax over the last dimension. */
  record Softmax() implements Op {}

  /**
   * Whether the output's elements are some of the input's, lie between some, or are zeros, so that
   * both share one scale.
   */
  default boolean passesThrough() {
    return switch (this) {
      case MaxPool m -> true;
      case AveragePool a -> true;
      case Reshape r -> true;
      case Transpose t -> true;
      case Slice s -> true;
      case Binary b -> false;
      case Conv c -> false;
      case Dense d -> false;
      case Activate a -> false;
      case GlobalAveragePool g -> false;
      case Concat c -> false;
      case Function f -> false;
      case ParametricRelu p -> false;
      case MatMul m -> false;
      case Mean m -> false;
      case LayerNormalization n -> false;
      case Clip c -> false;
      case Pad p -> p.value() == 0;
      case Resize r -> true;
      case ConvTranspose c -> false;
      case Sigmoid s -> false;
      case Softmax s -> false;
    };
  }

  /**
   * Whether an engine computes it on integers; both compute the others on floats, and would gain
   * nothing from a table of steps.
   */
  default boolean hasIntegerKernel() {
    return switch (this) {
      case Binary b -> b.kind() != Binary.Kind.DIV;
      case Conv c -> true;
      case Dense d -> true;
      case Activate a -> true;
      case MaxPool m -> true;
      case AveragePool a -> true;
      case GlobalAveragePool g -> true;
      case Reshape r -> true;
      case Transpose t -> true;
      case Slice s -> true;
      case Concat c -> true;
      case Function f -> f.kind() == Function.Kind.TANH || f.kind() == Function.Kind.LEAKY_RELU;
      case ParametricRelu p -> false;
      case MatMul m -> false;
      case Mean m -> false;
      case LayerNormalization n -> false;
      case Clip c -> true;
      case Pad p -> true;
      case Resize r -> true;
      case ConvTranspose c -> true;
      case Sigmoid s -> true;
      case Softmax s -> true;
    };
  }

  /** Whether ONNX Runtime computes it of integers and says floats, without rounding them. */
  default boolean maySayReals() {
    return this instanceof Dense || this instanceof ConvTranspose;
  }

  /**
   * Whether it has weights [O,...], of which each output has its own and so its own scale. Those of
   * a transposed convolution lie otherwise.
   */
  default boolean isWeighted() {
    return this instanceof Conv || this instanceof Dense;
  }

  /** Groups of channels, each read by its own outputs: 1 unless a convolution has more. */
  default int groups() {
    return switch (this) {
      case Conv conv -> conv.group();
      case ConvTranspose conv -> conv.group();
      default -> 1;
    };
  }

  /** Whether it computes each element of one tensor alone, and so in any order of dimensions. */
  default boolean isOfEachElement() {
    return this instanceof Function
        || this instanceof Activate
        || this instanceof Sigmoid
        || this instanceof Clip;
  }

  /** Whether an activation can be joined to this operator. */
  default boolean takesActivation() {
    return this instanceof Binary || isWeighted();
  }
}
