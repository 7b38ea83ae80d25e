package io.skerry.agent.model;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Inputs as a call has them, only smaller, by halves: dimensions that a model wants to be multiples
 * of a power of two stay so as long as they can. Open dimensions that have one size in the call may
 * have to, and keep one; the largest is halved first, so that pictures stay near their form.
 * Numbers are zeros; strings are the beginnings of the call's own.
 */
final class SmallerInputs {
  private final List<TensorSpec> specs;
  private final List<Tensor> call;
  private final List<List<Long>> shapes;
  private final int textHalvings;
  private final long bytes;

  private SmallerInputs(
      List<TensorSpec> specs, List<Tensor> call, List<List<Long>> shapes, int textHalvings) {
    this.specs = specs;
    this.call = call;
    this.shapes = shapes;
    this.textHalvings = textHalvings;
    long sum = 0;
    for (int i = 0; i < shapes.size(); i++) {
      sum += isText(i) ? text(i).bytes() : zeroBytes(specs.get(i), shapes.get(i));
    }
    this.bytes = sum;
  }

  /**
   * All of them, smallest first; none is as large as the call.
   *
   * @param inputs a call's, which fit the signature
   */
  static List<SmallerInputs> of(ModelSignature signature, List<Tensor> inputs) {
    List<SmallerInputs> smaller = new ArrayList<>();
    SmallerInputs last =
        new SmallerInputs(
            signature.inputs(), inputs, inputs.stream().map(Tensor::shape).toList(), 0);
    for (SmallerInputs next = last.half(); next.bytes < last.bytes; next = next.half()) {
      smaller.addFirst(next);
      last = next;
    }
    return smaller;
  }

  /** Bytes of all of them. */
  long bytes() {
    return bytes;
  }

  /**
   * The tensors, in direct memory.
   *
   * @throws OutOfMemoryError if there is none
   */
  List<Tensor> tensors() {
    List<Tensor> tensors = new ArrayList<>();
    for (int i = 0; i < shapes.size(); i++) {
      TensorSpec spec = specs.get(i);
      List<Long> shape = shapes.get(i);
      tensors.add(
          isText(i)
              ? new Tensor(spec.name(), spec.type(), shape, text(i).data())
              : zeros(spec, shape));
    }
    return tensors;
  }

  /** Zeros of this shape, in direct memory; empty strings where strings are wanted. */
  static Tensor zeros(TensorSpec spec, List<Long> shape) {
    return new Tensor(
        spec.name(),
        spec.type(),
        shape,
        ByteBuffer.allocateDirect(Math.toIntExact(zeroBytes(spec, shape))));
  }

  /** Bytes of zeros of these shapes. */
  static long zeroBytes(List<TensorSpec> specs, List<List<Long>> shapes) {
    long bytes = 0;
    for (int i = 0; i < specs.size(); i++) {
      bytes += zeroBytes(specs.get(i), shapes.get(i));
    }
    return bytes;
  }

  private static long zeroBytes(TensorSpec spec, List<Long> shape) {
    // A string without characters is its length alone.
    int each = spec.type() == ElementType.BYTES ? Integer.BYTES : spec.type().bytes();
    return Tensor.elements(shape) * each;
  }

  /** The same once more; as large as before where nothing is left to halve. */
  private SmallerInputs half() {
    long dimension = 0;
    long inCall = 0;
    long text = 0;
    for (int i = 0; i < shapes.size(); i++) {
      for (int axis = 0; axis < shapes.get(i).size(); axis++) {
        if (isOpen(i, axis) && shapes.get(i).get(axis) > dimension) {
          dimension = shapes.get(i).get(axis);
          inCall = call.get(i).shape().get(axis);
        }
      }
      text = isText(i) ? Math.max(text, text(i).longest()) : text;
    }
    return text > Math.max(1, dimension)
        ? new SmallerInputs(specs, call, shapes, textHalvings + 1)
        : new SmallerInputs(specs, call, halved(inCall), textHalvings);
  }

  private List<List<Long>> halved(long inCall) {
    List<List<Long>> halved = new ArrayList<>();
    for (int i = 0; i < shapes.size(); i++) {
      List<Long> shape = new ArrayList<>(shapes.get(i));
      for (int axis = 0; axis < shape.size(); axis++) {
        if (isOpen(i, axis) && call.get(i).shape().get(axis) == inCall) {
          // Upwards: of 1 is left 1.
          shape.set(axis, (shape.get(axis) + 1) / 2);
        }
      }
      halved.add(shape);
    }
    return halved;
  }

  private TextBeginnings text(int input) {
    return new TextBeginnings(
        call.get(input).data(), Tensor.elements(shapes.get(input)), textHalvings);
  }

  private boolean isText(int input) {
    return specs.get(input).type() == ElementType.BYTES;
  }

  private boolean isOpen(int input, int axis) {
    return specs.get(input).shape().get(axis) < 0;
  }
}
