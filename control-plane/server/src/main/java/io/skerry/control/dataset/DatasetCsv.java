package io.skerry.control.dataset;

import io.skerry.protocol.DeviceId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads and checks a dataset file.
 *
 * <pre>
 * device,cycle,FEATURE...,label      header; features are named by the file
 * engine-7,31,642.1,...,0            numbers with a decimal point; label: the class, from 0
 * </pre>
 *
 * <p>UTF-8, comma separated, no quotes, LF or CRLF. A device's cycles ascend; rows of different
 * devices may be mixed. Everything wrong is told at once, up to {@link #MISTAKES_MAX}.
 */
final class DatasetCsv {
  static final int MISTAKES_MAX = 20;
  static final int FEATURES_MAX = 512;
  static final int ROWS_MAX = 2_000_000;
  static final int LINE_CHARS_MAX = 64 * 1024;

  private static final Set<String> RESERVED = Set.of("device", "cycle", "label", "split");
  private static final Pattern FEATURE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}");
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?");
  private static final Pattern CLASS = Pattern.compile("[1-9]?\\d");

  private final int window;
  private final List<Mistake> mistakes = new ArrayList<>();
  private final Map<String, DeviceSeries> series = new HashMap<>();
  private List<String> features = List.of();
  private long line;
  private int rows;

  private DatasetCsv(int window) {
    this.window = window;
  }

  /**
   * Reads a file to its end.
   *
   * @param window rows of one example; every split needs devices with an example of each class
   *     above 0
   * @throws DatasetInvalidException if anything in it is wrong
   * @throws IOException if the stream cannot be read
   */
  static DatasetTable read(InputStream bytes, int window) throws IOException {
    return new DatasetCsv(window).table(bytes);
  }

  private DatasetTable table(InputStream bytes) throws IOException {
    var decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    try (var reader = new BufferedReader(new InputStreamReader(bytes, decoder), 1 << 16)) {
      readLines(reader);
    } catch (CharacterCodingException e) {
      mistake(
          0, line == 0 ? "the file is not UTF-8 text" : "the text after this line is not UTF-8");
    }
    if (mistakes.isEmpty()) {
      checkWhole();
    }
    if (!mistakes.isEmpty()) {
      throw new DatasetInvalidException(mistakes);
    }
    return new DatasetTable(features, List.copyOf(series.values()));
  }

  private void readLines(BufferedReader reader) throws IOException {
    String header = nextLine(reader);
    if (header == null || header.isBlank()) {
      mistakes.add(new Mistake(0, 0, "the file is empty: its first line must name the columns"));
      return;
    }
    if (!readHeader(header.startsWith("\uFEFF") ? header.substring(1) : header)) {
      return;
    }
    for (String text = nextLine(reader); text != null; text = nextLine(reader)) {
      if (!text.isBlank()) {
        readRow(text);
      }
      if (mistakes.size() == MISTAKES_MAX) {
        return;
      }
      if (rows > ROWS_MAX) {
        mistake(0, "more than %,d rows: give the data in several batches".formatted(ROWS_MAX));
        return;
      }
    }
  }

  private boolean readHeader(String header) {
    List<String> names = fields(header);
    if (names.size() < 4 || !names.get(0).equals("device") || !names.get(1).equals("cycle")) {
      mistake(0, "the header must be device,cycle,FEATURE...,label");
      return false;
    }
    if (!names.getLast().equals("label")) {
      mistake(
          names.size(),
          "the last column must be 'label', not '%s'".formatted(shown(names.getLast())));
    }
    features = List.copyOf(names.subList(2, names.size() - 1));
    if (features.size() > FEATURES_MAX) {
      mistake(0, "%d features are more than %d".formatted(features.size(), FEATURES_MAX));
      return false;
    }
    // Not told apart by case: Parquet readers do not either.
    Set<String> seen = new HashSet<>(RESERVED);
    for (int i = 0; i < features.size() && mistakes.size() < MISTAKES_MAX; i++) {
      String name = features.get(i);
      if (!FEATURE.matcher(name).matches()) {
        mistake(
            i + 3,
            "'%s' is not a feature name: use 1 to 63 letters, digits, '_', '.', '-'"
                .formatted(shown(name)));
      } else if (!seen.add(name.toLowerCase(Locale.ROOT))) {
        mistake(i + 3, "column '%s' is named twice".formatted(name));
      }
    }
    return mistakes.isEmpty();
  }

  private void readRow(String text) {
    rows++;
    List<String> fields = fields(text);
    int expected = features.size() + 3;
    if (fields.size() != expected) {
      mistake(0, "%d fields where the header has %d".formatted(fields.size(), expected));
      return;
    }
    int before = mistakes.size();
    DeviceSeries target = seriesOf(fields.get(0));
    int cycle = cycle(fields.get(1));
    float[] values = new float[features.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = value(i + 3, fields.get(i + 2));
    }
    int label = label(fields.getLast());
    if (target == null || mistakes.size() > before) {
      return;
    }
    if (target.rows() > 0 && cycle <= target.cycle(target.rows() - 1)) {
      mistake(
          2,
          "cycle %d of device '%s' does not come after its cycle %d"
              .formatted(cycle, target.device(), target.cycle(target.rows() - 1)));
      return;
    }
    target.add(cycle, values, label);
  }

  private @Nullable DeviceSeries seriesOf(String device) {
    DeviceSeries known = series.get(device);
    if (known != null) {
      return known;
    }
    try {
      DeviceSeries added = new DeviceSeries(new DeviceId(device), features.size());
      series.put(device, added);
      return added;
    } catch (IllegalArgumentException e) {
      mistake(1, String.valueOf(e.getMessage()));
      return null;
    }
  }

  private int cycle(String text) {
    try {
      int cycle = Integer.parseInt(text);
      if (cycle >= 0) {
        return cycle;
      }
    } catch (NumberFormatException ignored) {
      // Told below, with negative numbers.
    }
    mistake(2, "cycle '%s' is not a whole number from 0".formatted(shown(text)));
    return -1;
  }

  private float value(int column, String text) {
    if (NUMBER.matcher(text).matches()) {
      float value = Float.parseFloat(text);
      if (Float.isFinite(value)) {
        return value;
      }
    }
    mistake(
        column, "%s '%s' is not a finite number".formatted(features.get(column - 3), shown(text)));
    return 0;
  }

  private int label(String text) {
    if (CLASS.matcher(text).matches()) {
      return Integer.parseInt(text);
    }
    mistake(
        features.size() + 3,
        "label '%s' is no class: a whole number from 0 to %d"
            .formatted(shown(text), LabelClasses.MAX - 1));
    return 0;
  }

  private void checkWhole() {
    if (rows == 0) {
      mistakes.add(new Mistake(0, 0, "the file has a header and no rows"));
      return;
    }
    int[] devices = new int[LabelClasses.MAX];
    series.values().forEach(one -> one.classes(window).stream().forEach(i -> devices[i]++));
    int classes = LabelClasses.count(series.values(), List.of());
    // Of two classes the first is what is usual: nobody lacks it. Of several each is as any other.
    for (int i = classes > 2 ? 0 : 1; i < classes && mistakes.size() < MISTAKES_MAX; i++) {
      if (devices[i] < Split.values().length) {
        mistakes.add(
            new Mistake(
                0,
                0,
                ("%d devices have a window of %d cycles that ends with label %d: at least 3 are"
                        + " needed, one for each split")
                    .formatted(devices[i], window, i)));
      }
    }
  }

  private void mistake(int column, String message) {
    if (mistakes.size() < MISTAKES_MAX) {
      mistakes.add(new Mistake(line, column, message));
    }
  }

  private @Nullable String nextLine(BufferedReader reader) throws IOException {
    StringBuilder text = new StringBuilder();
    int c = reader.read();
    if (c < 0) {
      return null;
    }
    line++;
    while (c >= 0 && c != '\n') {
      if (text.length() == LINE_CHARS_MAX) {
        mistake(0, "the line is longer than %,d characters".formatted(LINE_CHARS_MAX));
        throw new DatasetInvalidException(mistakes);
      }
      text.append((char) c);
      c = reader.read();
    }
    if (!text.isEmpty() && text.charAt(text.length() - 1) == '\r') {
      text.setLength(text.length() - 1);
    }
    return text.toString();
  }

  private static List<String> fields(String text) {
    List<String> fields = new ArrayList<>();
    int from = 0;
    for (int comma = text.indexOf(','); comma >= 0; comma = text.indexOf(',', from)) {
      fields.add(text.substring(from, comma).strip());
      from = comma + 1;
    }
    fields.add(text.substring(from).strip());
    return fields;
  }

  private static String shown(String text) {
    String printable = text.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= 40 ? printable : printable.substring(0, 40) + "...";
  }
}
