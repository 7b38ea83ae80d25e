package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
      throw refused("says format '%s'".formatted(keys.get("format")), "only raw is known");
    }
    Stored stored = stored();
    int elements = elements();
    boolean labelled = keys.containsKey("labels");
    List<Item> all = labelled ? labelled() : unlabelled();
    if (all.isEmpty()) {
      throw new DataRefusedException(
          folder + ": holds no items: put one .bin file a tensor into it");
    }
    int[] chosen = Samples.spread(all.size(), itemsMax);
    DataReader.checkSize(folder, chosen.length, elements);
    float[] labels = new float[chosen.length];
    int each = elements * stored.bytes;
    byte[] content = new byte[Math.multiplyExact(chosen.length, each)];
    for (int i = 0; i < chosen.length; i++) {
      Item item = all.get(chosen[i]);
      labels[i] = item.label();
      System.arraycopy(content(item.file(), each), 0, content, i * each, each);
    }
    NpyArray array = array(stored, content, chosen.length, elements, input);
    return new Dataset(
        Samples.of(folder.toString(), array, input.elementsPerItem()),
        labelled ? Optional.of(NpyArray.ofFloats(labels, labels.length)) : Optional.empty());
  }

  /** As reals for a model that takes floats, as stored for one that takes the same integers. */
  private NpyArray array(Stored stored, byte[] bytes, int items, int elements, TensorSpec input) {
    if (stored == Stored.INT8 && input.type() == ElementType.INT8) {
      return NpyArray.ofBytes(bytes, items, elements);
    }
    ByteBuffer content = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    double scale = number("scale", 1);
    double zeroPoint = number("zeroPoint", 0);
    float[] values = new float[items * elements];
    for (int i = 0; i < values.length; i++) {
      double value =
          switch (stored) {
            case INT8 -> content.get();
            case UINT8 -> Byte.toUnsignedInt(content.get());
            case FLOAT32 -> content.getFloat();
          };
      values[i] = (float) ((value - zeroPoint) * scale);
    }
    return NpyArray.ofFloats(values, items, elements);
  }

  private byte[] content(Path file, int expected) throws IOException {
    long size = Files.size(file);
    if (size != expected) {
      throw new DataRefusedException(
          "%s: has %d bytes where %s says %d: correct shape or dtype"
              .formatted(file, size, description, expected));
    }
    return Files.readAllBytes(file);
  }

  private Stored stored() {
    String dtype = String.valueOf(keys.get("dtype"));
    return switch (dtype) {
      case "int8" -> Stored.INT8;
      case "uint8" -> Stored.UINT8;
      case "float32" -> Stored.FLOAT32;
      default ->
          throw refused("says dtype '%s'".formatted(dtype), "int8, uint8 and float32 are known");
    };
  }

  private int elements() {
    if (!(keys.get("shape") instanceof List<?> list) || list.isEmpty()) {
      throw refused("says no shape", "write one as in 'shape: [3, 32, 32]'");
    }
    long elements = 1;
    for (Object dimension : list) {
      if (!(dimension instanceof Integer size) || size < 1) {
        throw refused("says shape %s".formatted(list), "dimensions are whole numbers from 1");
      }
      elements *= size;
      DataReader.checkSize(folder, 1, elements);
    }
    return (int) elements;
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
    Path labels = folder.resolve(String.valueOf(keys.get("labels"))).normalize();
    if (!labels.startsWith(folder.normalize())) {
      throw refused("names labels outside the folder", "put the file beside it");
    }
    List<Item> items = new ArrayList<>();
    int line = 0;
    for (String text : Files.readAllLines(labels)) {
      line++;
      if (text.isBlank()) {
        continue;
      }
      String[] cells = text.split(",");
      Path file = folder.resolve(cells[0].strip()).normalize();
      if (cells.length < 2 || !file.startsWith(folder.normalize()) || !Files.exists(file)) {
        throw new DataRefusedException(
            "%s: line %d '%s' names no file of the folder: write file, classes, label"
                .formatted(labels, line, text));
      }
      try {
        items.add(new Item(file, Float.parseFloat(cells[cells.length - 1].strip())));
      } catch (NumberFormatException e) {
        throw new DataRefusedException(
            "%s: line %d ends in '%s', no label: write file, classes, label"
                .formatted(labels, line, cells[cells.length - 1]),
            e);
      }
    }
    items.sort(java.util.Comparator.comparing(Item::file));
    return items;
  }

  private DataRefusedException refused(String fault, String remedy) {
    return new DataRefusedException("%s %s: %s".formatted(description, fault, remedy));
  }
}
