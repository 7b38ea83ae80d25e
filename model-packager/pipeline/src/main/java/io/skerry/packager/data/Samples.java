package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/** Inputs of a model, one item after the other, as an NPY file holds them: shape [items, ...]. */
public final class Samples {
  private final String source;
  private final NpyArray array;
  private final int itemElements;
  private final List<String> classes;

  private Samples(String source, NpyArray array, List<String> classes) {
    this.source = source;
    this.array = array;
    this.classes = List.copyOf(classes);
    this.itemElements = array.shape()[0] == 0 ? 0 : array.length() / array.shape()[0];
  }

  /**
   * Inputs from memory.
   *
   * @param source what messages name them by
   * @param itemElements elements that one item must have
   * @throws DataRefusedException if there is no item, or items have another size or type
   */
  public static Samples of(String source, NpyArray array, int itemElements) {
    if (array.type() != NpyArray.Type.FLOAT32 && array.type() != NpyArray.Type.INT8) {
      throw new DataRefusedException(
          "%s: holds %s, inputs are FLOAT32 or INT8: convert it".formatted(source, array.type()));
    }
    if (array.shape().length < 2 || array.shape()[0] == 0) {
      throw new DataRefusedException(
          "%s: shape %s holds no items: give [items, ...]"
              .formatted(source, Arrays.toString(array.shape())));
    }
    Samples samples = new Samples(source, array, List.of());
    if (samples.itemElements != itemElements) {
      throw new DataRefusedException(
          "%s: shape %s has %d values an item, the model's input has %d: check the layout"
              .formatted(
                  source, Arrays.toString(array.shape()), samples.itemElements, itemElements));
    }
    return samples;
  }

  /**
   * Inputs of a model from an array of any type that becomes the model's.
   *
   * @throws DataRefusedException if there is no item, or items have another size, layout or type
   */
  static Samples of(String source, NpyArray array, TensorSpec input) {
    Samples samples =
        of(source, ArrayInputs.converted(source, array, input), input.elementsPerItem());
    ArrayInputs.checkLayout(source, ArrayInputs.itemShape(array.shape()), input);
    return samples;
  }

  /**
   * Inputs from a file.
   *
   * @throws DataRefusedException if it is no such file, or does not fit
   */
  public static Samples read(Path file, int itemElements) {
    return of(file.toString(), readArray(file), itemElements);
  }

  /**
   * At most so many inputs from a file, evenly spread over all; no others are held.
   *
   * @throws DataRefusedException if it is no such file, or does not fit
   */
  static Samples read(Path file, TensorSpec input, int itemsMax) {
    return of(
        file.toString(), readArray(file, Optional.of(count -> spread(count, itemsMax))), input);
  }

  /**
   * Any array from a file.
   *
   * @throws DataRefusedException if it is no NPY file
   */
  public static NpyArray readArray(Path file) {
    return readArray(file, Optional.empty());
  }

  private static NpyArray readArray(Path file, Optional<IntFunction<int[]>> chosen) {
    try {
      return chosen.isPresent() ? NpyArray.read(file, chosen.get()) : NpyArray.read(file);
    } catch (NoSuchFileException e) {
      throw new DataRefusedException(file + ": there is no such file", e);
    } catch (IOException e) {
      throw new DataRefusedException(
          e.getMessage() == null ? file + " is unreadable" : e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw new DataRefusedException(file + " is unreadable", e);
    }
  }

  /** These items, in this order. */
  public Samples chosen(int... items) {
    return of(source, rows(array, items), itemElements).ofClasses(classes);
  }

  /** The same, of these classes: their names, by the numbers that label items. */
  Samples ofClasses(List<String> names) {
    return new Samples(source, array, names);
  }

  /** Names of the classes that the items are of, by their numbers; none where nobody named any. */
  public List<String> classes() {
    return classes;
  }

  /**
   * Sees that every element is a number.
   *
   * @param input that these are for, for messages
   * @throws DataRefusedException if one is not finite
   */
  public void requireNumbers(String input) {
    int index = array.firstNotFinite();
    if (index >= 0) {
      throw new DataRefusedException(
          "%s: element %d of item %d is %s for input '%s': give every element a number, or leave the item out"
              .formatted(
                  source,
                  index % itemElements,
                  index / itemElements,
                  array.floats()[index],
                  input));
    }
  }

  /**
   * Sees that not every element is the same.
   *
   * @param input that these are for, for messages
   * @param about what such data says nothing about
   * @throws DataRefusedException if all are
   */
  public void requireVaried(String input, String about) {
    if (array.isConstant()) {
      throw new DataRefusedException(
          "%s: every value of input '%s' is %s, which says nothing %s: give real items"
              .formatted(source, input, at(0, 0), about));
    }
  }

  /** At most as many of these items, evenly spread over all. */
  public Samples spread(int items) {
    return count() <= items ? this : chosen(spread(count(), items));
  }

  /** Indexes of at most {@code wanted} of so many items, evenly spread. */
  public static int[] spread(int count, int wanted) {
    int[] chosen = new int[Math.min(count, wanted)];
    for (int i = 0; i < chosen.length; i++) {
      chosen[i] = (int) ((long) i * count / chosen.length);
    }
    return chosen;
  }

  /** These rows of an array, in this order. */
  static NpyArray rows(NpyArray array, int... rows) {
    int[] shape = array.shape();
    int each = shape[0] == 0 ? 0 : array.length() / shape[0];
    shape[0] = rows.length;
    Object source =
        switch (array.type()) {
          case FLOAT32 -> array.floats();
          case INT8 -> array.bytes();
          case INT32 -> array.ints();
          case INT64 -> array.longs();
        };
    Object target =
        java.lang.reflect.Array.newInstance(
            source.getClass().getComponentType(), rows.length * each);
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(source, rows[i] * each, target, i * each, each);
    }
    return switch (array.type()) {
      case FLOAT32 -> NpyArray.ofFloats((float[]) target, shape);
      case INT8 -> NpyArray.ofBytes((byte[]) target, shape);
      case INT32 -> NpyArray.ofInts((int[]) target, shape);
      case INT64 -> NpyArray.ofLongs((long[]) target, shape);
    };
  }

  /** Writes them as an NPY file. */
  public void write(Path file) throws IOException {
    array.write(file);
  }

  /** Where they come from. */
  public String source() {
    return source;
  }

  /** Items. */
  public int count() {
    return array.shape()[0];
  }

  /** Elements of one item. */
  public int itemElements() {
    return itemElements;
  }

  /** Type of the elements. */
  public ElementType type() {
    return array.type() == NpyArray.Type.FLOAT32 ? ElementType.FP32 : ElementType.INT8;
  }

  /** One element of an item; of quantized inputs the integer. */
  public float at(int item, int element) {
    int index = item * itemElements + element;
    return type() == ElementType.FP32 ? array.floats()[index] : array.bytes()[index];
  }

  /** Copies of items in a new direct buffer, little-endian, from position 0. */
  public ByteBuffer batch(int first, int size) {
    int from = first * itemElements;
    int elements = size * itemElements;
    ByteBuffer buffer =
        ByteBuffer.allocateDirect(elements * type().bytes()).order(ByteOrder.LITTLE_ENDIAN);
    if (type() == ElementType.FP32) {
      buffer.asFloatBuffer().put(array.floats(), from, elements);
    } else {
      buffer.put(array.bytes(), from, elements).rewind();
    }
    return buffer;
  }
}
