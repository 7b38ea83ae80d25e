package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * A folder of raw tensors, one a file, little-endian, row-major, described by {@code data.yaml}:
 * {@code format: raw}, {@code dtype}, {@code shape}, {@code scale} and {@code zeroPoint} where the
 * stored integers stand for reals, {@code labels} a CSV of file name, classes and label.
 */
final class RawFolder {
  static final String DESCRIPTION = "data.yaml";

  private static final Set<String> KEYS =
      Set.of("format", "dtype", "shape", "scale", "zeroPoint", "labels");
  private static final long DESCRIPTION_BYTES_MAX = 64 << 10;

  /** How the stored elements are coded. */
  private enum Stored {
    INT8(1),
    UINT8(1),
    FLOAT32(4);

    private final int bytes;

    Stored(int bytes) {
      this.bytes = bytes;
    }
  }

  private record Item(Path file, float label) {}

  private final Path folder;
  private final Path description;
  private final Map<?, ?> keys;

  private RawFolder(Path folder) throws IOException {
    this.folder = folder;
    this.description = folder.resolve(DESCRIPTION);
    if (Files.size(description) > DESCRIPTION_BYTES_MAX) {
      throw refused("has more than %d bytes".formatted(DESCRIPTION_BYTES_MAX), "shorten it");
    }
    try {
      Object loaded =
          new Load(LoadSettings.builder().setLabel(DESCRIPTION).build())
              .loadFromString(Files.readString(description));
      if (!(loaded instanceof Map<?, ?> map)) {
        throw refused("is no map of keys", "write 'format: raw' and the others");
      }
      this.keys = map;
    } catch (YamlEngineException e) {
      throw refused(
          "is no YAML: " + String.valueOf(e.getMessage()).replaceAll("\\s+", " "), "correct it");
    } catch (StackOverflowError e) {
      throw refused("is nested too deeply", "write 'format: raw' and the others");
    }
    for (Object key : keys.keySet()) {
      if (!KEYS.contains(String.valueOf(key))) {
        throw refused("has the unknown key '%s'".formatted(key), "use some of " + KEYS);
      }
    }
  }

  static Dataset read(Path folder, TensorSpec input, int itemsMax) throws IOException {
    return new RawFolder(folder).read(input, itemsMax);
  }

  private Dataset read(TensorSpec input, int itemsMax) throws IOException {
    if (!"raw".equals(keys.get("format"))) {
      throw refused("says format '%s'".formatted(keys.get("format")), "write 'format: raw'");
    }
    Stored stored = stored();
    int elements = elements();
    boolean labelled = keys.containsKey("labels");
    List<Item> all = labelled ? labelled() : unlabelled();
    if (all.isEmpty()) {
      throw new DataRefusedException(
          folder + ": holds no items: put one .bin file a tensor into it");
    }
    List<Item> items =
        Arrays.stream(Samples.spread(all.size(), itemsMax)).mapToObj(all::get).toList();
    DataReader.checkSize(folder, items.size(), elements);
    long bytes = (long) elements * stored.bytes;
    for (Item item : items) {
      checkBytes(item.file(), Files.size(item.file()), bytes);
    }
    if (elements != input.elementsPerItem()) {
      throw refused(
          "says shape %s, %d values, where the model's input '%s' has %d"
              .formatted(keys.get("shape"), elements, input.name(), input.elementsPerItem()),
          "give tensors as this model takes them");
    }
    ArrayInputs.checkLayout(description.toString(), dimensions(), input);
    float[] labels = new float[items.size()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = items.get(i).label();
    }
    return new Dataset(
        samples(stored, items, elements, input),
        labelled ? Optional.of(NpyArray.ofFloats(labels, labels.length)) : Optional.empty());
  }

  /** As reals for a model that takes floats, as stored for one that takes the same integers. */
  private Samples samples(Stored stored, List<Item> all, int elements, TensorSpec input)
      throws IOException {
    boolean integers = stored == Stored.INT8 && input.type() == ElementType.INT8;
    double scale = number("scale", 1);
    double zeroPoint = number("zeroPoint", 0);
    float[] reals = new float[elements];
    try (ItemsFile items =
        ItemsFile.create(folder.toString(), integers ? ElementType.INT8 : ElementType.FP32)) {
      for (int item = 0; item < all.size(); item++) {
        Path file = all.get(item).file();
        byte[] read = Files.readAllBytes(file);
        checkBytes(file, read.length, (long) elements * stored.bytes);
        if (integers) {
          items.put((long) item * elements, read);
          continue;
        }
        ByteBuffer content = ByteBuffer.wrap(read).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < elements; i++) {
          double value =
              switch (stored) {
                case INT8 -> content.get();
                case UINT8 -> Byte.toUnsignedInt(content.get());
                case FLOAT32 -> content.getFloat();
              };
          reals[i] = (float) ((value - zeroPoint) * scale);
        }
        items.put((long) item * elements, reals);
      }
      return Samples.of(folder.toString(), items, all.size(), elements);
    }
  }

  private void checkBytes(Path file, long size, long expected) {
    if (size != expected) {
      throw new DataRefusedException(
          "%s: has %d bytes where %s says %d: correct shape or dtype"
              .formatted(file, size, description, expected));
    }
  }

  private Stored stored() {
    String dtype = String.valueOf(keys.get("dtype"));
    return switch (dtype) {
      case "int8" -> Stored.INT8;
      case "uint8" -> Stored.UINT8;
      case "float32" -> Stored.FLOAT32;
      default -> throw refused("says dtype '%s'".formatted(dtype), "write int8, uint8 or float32");
    };
  }

  private int elements() {
    long elements = 1;
    for (long size : dimensions()) {
      elements *= size;
      DataReader.checkSize(folder, 1, elements);
    }
    return (int) elements;
  }

  private List<Long> dimensions() {
    if (!(keys.get("shape") instanceof List<?> list) || list.isEmpty()) {
      throw refused("says no shape", "write one as in 'shape: [3, 32, 32]'");
    }
    List<Long> dimensions = new ArrayList<>();
    for (Object dimension : list) {
      if (!(dimension instanceof Integer size) || size < 1) {
        throw refused("says shape %s".formatted(list), "write whole numbers from 1");
      }
      dimensions.add((long) size);
    }
    return dimensions;
  }

  private double number(String key, double absent) {
    Object value = keys.get(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
      return number.doubleValue();
    }
    throw refused("says %s '%s'".formatted(key, value), "give a number");
  }

  private List<Item> unlabelled() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".bin"))
          .sorted()
          .map(file -> new Item(file, 0))
          .toList();
    }
  }

  private List<Item> labelled() throws IOException {
    Path labels =
        inside(String.valueOf(keys.get("labels")))
            .orElseThrow(
                () -> refused("names labels outside the folder", "put the file beside it"));
    List<Item> items = new ArrayList<>();
    int line = 0;
    for (String text : Files.readAllLines(labels)) {
      line++;
      if (text.isBlank()) {
        continue;
      }
      String[] cells = text.split(",");
      Optional<Path> file = cells.length < 2 ? Optional.empty() : inside(cells[0].strip());
      if (file.filter(Files::isRegularFile).isEmpty()) {
        throw new DataRefusedException(
            "%s: line %d '%s' names no file of the folder: write file, classes, label"
                .formatted(labels, line, text));
      }
      String label = cells[cells.length - 1].strip();
      try {
        items.add(new Item(file.get(), Float.parseFloat(label)));
      } catch (NumberFormatException e) {
        throw new DataRefusedException(
            "%s: line %d ends in '%s', no label: write file, classes, label"
                .formatted(labels, line, label),
            e);
      }
    }
    items.sort(java.util.Comparator.comparing(Item::file));
    return items;
  }

  /** A place in the folder; absent where a name leads out of it, or cannot be one. */
  private Optional<Path> inside(String name) {
    try {
      Path file = folder.resolve(name).normalize();
      return file.startsWith(folder.normalize()) ? Optional.of(file) : Optional.empty();
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  private DataRefusedException refused(String fault, String remedy) {
    return new DataRefusedException("%s %s: %s".formatted(description, fault, remedy));
  }
}
