package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.artifact.npy.NpyFile;
import io.skerry.artifact.npy.NpyWriter;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Inputs of a model, one item after the other. Those from files lie in a file, and are read from
 * there whenever they are wanted.
 */
public final class Samples {
  /** Bytes of a file that are converted at once. */
  private static final long PART_BYTES = 4L << 20;

  private static final String UNREADABLE =
      " is unreadable: see that you may read it, or write it again";

  private final String source;
  private final ElementType type;
  private final MemorySegment elements;
  private final int[] itemShape;
  private final int itemElements;

  /** Which items of the elements these are. */
  private final int[] items;

  private final List<String> classes;

  private Samples(
      String source,
      ElementType type,
      MemorySegment elements,
      int[] itemShape,
      int[] items,
      List<String> classes) {
    this.source = source;
    this.type = type;
    this.elements = elements;
    this.itemShape = itemShape;
    this.itemElements = elementsOf(itemShape);
    this.items = items;
    this.classes = List.copyOf(classes);
  }

  private static int elementsOf(int[] itemShape) {
    return Arrays.stream(itemShape).reduce(1, Math::multiplyExact);
  }

  /**
   * Inputs from memory.
   *
   * @param source what messages name them by
   * @param itemElements elements that one item must have
   * @throws DataRefusedException if there is no item, or items have another size or type
   */
  public static Samples of(String source, NpyArray array, int itemElements) {
    checkType(source, array.type());
    checkShape(source, array.shape(), itemElements);
    int[] shape = array.shape();
    boolean floats = array.type() == NpyArray.Type.FLOAT32;
    return new Samples(
        source,
        floats ? ElementType.FP32 : ElementType.INT8,
        floats ? MemorySegment.ofArray(array.floats()) : MemorySegment.ofArray(array.bytes()),
        Arrays.copyOfRange(shape, 1, shape.length),
        all(shape[0]),
        List.of());
  }

  private static int[] all(int count) {
    return IntStream.range(0, count).toArray();
  }

  private static void checkType(String source, NpyArray.Type type) {
    if (type != NpyArray.Type.FLOAT32 && type != NpyArray.Type.INT8) {
      throw new DataRefusedException(
          "%s: holds %s, inputs are FLOAT32 or INT8: convert it".formatted(source, type));
    }
  }

  static void checkShape(String source, int[] shape, int itemElements) {
    if (shape.length < 2 || shape[0] == 0) {
      throw new DataRefusedException(
          "%s: shape %s holds no items: give [items, ...]"
              .formatted(source, Arrays.toString(shape)));
    }
    long each = IntStream.of(shape).skip(1).asLongStream().reduce(1, (a, b) -> a * b);
    if (each != itemElements) {
      throw new DataRefusedException(
          "%s: shape %s has %d values an item, the model's input has %d: check the layout"
              .formatted(source, Arrays.toString(shape), each, itemElements));
    }
  }

  /**
   * Items that were written to a file, which may be closed then.
   *
   * @param count of the items
   * @param itemShape dimensions of one
   */
  static Samples of(String source, ItemsFile file, int count, int... itemShape) {
    return new Samples(source, file.type(), file.map(), itemShape, all(count), List.of());
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
   * At most so many inputs of a model from a file of any type that becomes the model's, evenly
   * spread over all.
   *
   * @throws DataRefusedException if it is no such file, or does not fit
   */
  static Samples read(Path file, TensorSpec input, int itemsMax) {
    return reading(
        file,
        () -> {
          try (NpyFile open = NpyFile.open(file)) {
            return read(file.toString(), open, input, itemsMax);
          }
        });
  }

  static Samples read(String source, NpyFile file, TensorSpec input, int itemsMax)
      throws IOException {
    int[] shape = file.shape();
    boolean integers = input.type() == ElementType.INT8 && file.type() == NpyArray.Type.INT8;
    if (input.type() != ElementType.FP32 && !integers) {
      checkType(source, file.type());
    }
    checkShape(source, shape, input.elementsPerItem());
    ArrayInputs.checkLayout(source, ArrayInputs.itemShape(shape), input);
    int[] chosen = spread(shape[0], itemsMax);
    DataReader.checkSize(Path.of(source), chosen.length, input.elementsPerItem());
    int each = input.elementsPerItem();
    int part = Math.clamp(PART_BYTES / Math.max(1, (long) each * Float.BYTES), 1, 1 << 20);
    try (ItemsFile items =
        ItemsFile.create(source, integers ? ElementType.INT8 : ElementType.FP32)) {
      for (int first = 0; first < chosen.length; first += part) {
        int[] rows = Arrays.copyOfRange(chosen, first, Math.min(chosen.length, first + part));
        NpyArray read = file.read(rows);
        if (integers) {
          items.put((long) first * each, read.bytes());
        } else {
          items.put((long) first * each, ArrayInputs.floats(source, read).floats());
        }
      }
      return of(source, items, chosen.length, Arrays.copyOfRange(shape, 1, shape.length));
    }
  }

  /**
   * Any array from a file.
   *
   * @throws DataRefusedException if it is no NPY file
   */
  public static NpyArray readArray(Path file) {
    return reading(file, () -> NpyArray.read(file));
  }

  @FunctionalInterface
  private interface Reading<T> {
    T read() throws IOException;
  }

  private static <T> T reading(Path file, Reading<T> reading) {
    try {
      return reading.read();
    } catch (NoSuchFileException e) {
      throw new DataRefusedException(file + ": there is no such file: check the path", e);
    } catch (IOException e) {
      throw new DataRefusedException(
          e.getMessage() == null ? file + UNREADABLE : e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw new DataRefusedException(file + UNREADABLE, e);
    }
  }

  /** These items, in this order. */
  public Samples chosen(int... wanted) {
    int[] chosen = Arrays.stream(wanted).map(item -> items[item]).toArray();
    return new Samples(source, type, elements, itemShape, chosen, classes);
  }

  /**
   * The first so many.
   *
   * @throws DataRefusedException if there are not so many, or none is wanted
   */
  public Samples first(int many) {
    if (many < 1 || many > count()) {
      throw new DataRefusedException(
          "%s: the first %d of %d items are wanted: 1 to %d can be"
              .formatted(source, many, count(), count()));
    }
    return chosen(all(many));
  }

  /** The same, of these classes: their names, by the numbers that label items. */
  Samples ofClasses(List<String> names) {
    return new Samples(source, type, elements, itemShape, items, names);
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
    if (type != ElementType.FP32) {
      return;
    }
    for (int item = 0; item < items.length; item++) {
      for (int element = 0; element < itemElements; element++) {
        if (!Float.isFinite(at(item, element))) {
          throw new DataRefusedException(
              "%s: element %d of item %d is %s for input '%s': give every element a number, or leave the item out"
                  .formatted(source, element, item, at(item, element), input));
        }
      }
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
    if (isConstant()) {
      throw new DataRefusedException(
          "%s: every value of input '%s' is %s, which says nothing %s: give real items"
              .formatted(source, input, at(0, 0), about));
    }
  }

  private boolean isConstant() {
    float first = at(0, 0);
    for (int item = 0; item < items.length; item++) {
      for (int element = 0; element < itemElements; element++) {
        if (at(item, element) != first) {
          return false;
        }
      }
    }
    return true;
  }

  /** At most as many of these items, evenly spread over all. */
  public Samples spread(int most) {
    return count() <= most ? this : chosen(spread(count(), most));
  }

  /** Indexes of at most {@code wanted} of so many items, evenly spread. */
  public static int[] spread(int count, int wanted) {
    int[] chosen = new int[Math.min(count, wanted)];
    for (int i = 0; i < chosen.length; i++) {
      chosen[i] = (int) ((long) i * count / chosen.length);
    }
    return chosen;
  }

  /** Writes them as an NPY file. */
  public void write(Path file) throws IOException {
    int[] shape = IntStream.concat(IntStream.of(count()), IntStream.of(itemShape)).toArray();
    NpyArray.Type written = type == ElementType.FP32 ? NpyArray.Type.FLOAT32 : NpyArray.Type.INT8;
    try (NpyWriter writer = NpyWriter.create(file, written, shape)) {
      for (int item = 0; item < items.length; item++) {
        writer.write(batch(item, 1));
      }
    }
  }

  /** Of each item a digest, which another item has that is the same in every number. */
  public Stream<Digest> digests() {
    return IntStream.range(0, items.length)
        .mapToObj(
            item -> {
              MessageDigest digest = Digest.newMessageDigest();
              digest.update(batch(item, 1));
              return Digest.of(digest);
            });
  }

  /** Where they come from. */
  public String source() {
    return source;
  }

  /** Items. */
  public int count() {
    return items.length;
  }

  /** Elements of one item. */
  public int itemElements() {
    return itemElements;
  }

  /** Type of the elements. */
  public ElementType type() {
    return type;
  }

  /** One element of an item; of quantized inputs the integer. */
  public float at(int item, int element) {
    long index = (long) items[item] * itemElements + element;
    return type == ElementType.FP32
        ? elements.getAtIndex(ValueLayout.JAVA_FLOAT, index)
        : elements.get(ValueLayout.JAVA_BYTE, index);
  }

  /** Copies of items in a new direct buffer, little-endian, from position 0. */
  public ByteBuffer batch(int first, int size) {
    long each = itemElements;
    ByteBuffer buffer =
        ByteBuffer.allocateDirect(Math.toIntExact(size * each * type.bytes()))
            .order(ByteOrder.LITTLE_ENDIAN);
    MemorySegment target = MemorySegment.ofBuffer(buffer);
    for (int i = 0; i < size; i++) {
      MemorySegment.copy(
          elements,
          stored(),
          items[first + i] * each * type.bytes(),
          target,
          stored().withOrder(ByteOrder.LITTLE_ENDIAN),
          i * each * type.bytes(),
          each);
    }
    return buffer;
  }

  private ValueLayout stored() {
    return type == ElementType.FP32 ? ValueLayout.JAVA_FLOAT_UNALIGNED : ValueLayout.JAVA_BYTE;
  }
}
