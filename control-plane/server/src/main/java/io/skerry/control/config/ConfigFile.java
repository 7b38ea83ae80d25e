package io.skerry.control.config;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * A YAML file bound to a record: each component is a key in kebab case, nested records are
 * sections, and what the file does not say keeps its default.
 */
public final class ConfigFile {
  private static final Pattern DURATION = Pattern.compile("(\\d+)\\s*(ms|s|m|h|d)");

  private final List<String> mistakes = new ArrayList<>();

  private ConfigFile() {}

  /**
   * Reads a file over defaults.
   *
   * @throws ConfigException if the file cannot be read or has mistakes
   */
  public static <R extends Record> R read(Path file, R defaults) {
    try {
      return parse(file.toString(), Files.readString(file, StandardCharsets.UTF_8), defaults);
    } catch (NoSuchFileException e) {
      throw new ConfigException(file.toString(), List.of("no such file"));
    } catch (IOException e) {
      throw new ConfigException(file.toString(), List.of("cannot be read: " + e.getMessage()));
    }
  }

  /**
   * Reads YAML over defaults.
   *
   * @param source what to call it in messages
   * @throws ConfigException if the text has mistakes
   */
  public static <R extends Record> R parse(String source, String yaml, R defaults) {
    ConfigFile file = new ConfigFile();
    Object document;
    try {
      document = new Load(LoadSettings.builder().setLabel(source).build()).loadFromString(yaml);
    } catch (YamlEngineException e) {
      throw new ConfigException(source, List.of("is not YAML: " + oneLine(e.getMessage())));
    }
    R bound = file.bind("", document == null ? Map.of() : document, defaults);
    if (!file.mistakes.isEmpty()) {
      throw new ConfigException(source, file.mistakes);
    }
    return bound;
  }

  /** The effective values as lines of YAML, secrets masked. */
  public static String printed(Record config) {
    StringBuilder text = new StringBuilder();
    print(config, "", text);
    return text.toString();
  }

  private <R extends Record> R bind(String prefix, Object section, R defaults) {
    if (!(section instanceof Map<?, ?> entries)) {
      mistakes.add("'%s' must be a section of keys".formatted(prefix));
      return defaults;
    }
    RecordComponent[] components = defaults.getClass().getRecordComponents();
    List<String> known = new ArrayList<>();
    @Nullable Object[] values = new @Nullable Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String key = key(components[i]);
      known.add(key);
      Object standard = value(components[i], defaults);
      Object given = entries.get(key);
      values[i] = given == null ? standard : convert(prefix + key, given, components[i], standard);
    }
    for (Object key : entries.keySet()) {
      if (!known.contains(String.valueOf(key))) {
        mistakes.add(unknown(prefix, String.valueOf(key), known));
      }
    }
    return mistakes.isEmpty() ? make(prefix, defaults, components, values) : defaults;
  }

  @SuppressWarnings("unchecked") // The canonical constructor of R's class makes an R.
  private <R extends Record> R make(
      String prefix, R defaults, RecordComponent[] components, @Nullable Object[] values) {
    Class<?>[] types = new Class<?>[components.length];
    for (int i = 0; i < types.length; i++) {
      types[i] = components[i].getType();
    }
    try {
      var constructor = defaults.getClass().getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return (R) constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      mistakes.add(
          prefix.isEmpty()
              ? String.valueOf(cause.getMessage())
              : "section '%s': %s".formatted(prefix, cause.getMessage()));
      return defaults;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("record without a canonical constructor", e);
    }
  }

  private @Nullable Object convert(
      String key, Object given, RecordComponent component, @Nullable Object standard) {
    Class<?> type = component.getType();
    if (standard instanceof Record section) {
      return bind(key + ".", given, section);
    }
    try {
      return converted(type, given);
    } catch (IllegalArgumentException e) {
      mistakes.add("'%s' is '%s': must be %s".formatted(key, given, wanted(type)));
      return standard;
    }
  }

  private static Object converted(Class<?> type, Object given) {
    String text = String.valueOf(given);
    if (type == String.class) {
      return text;
    }
    if (type == Path.class) {
      return Path.of(text);
    }
    if (type == int.class) {
      return Integer.parseInt(text);
    }
    if (type == long.class) {
      return Long.parseLong(text);
    }
    if (type == double.class) {
      return Double.parseDouble(text);
    }
    if (type == boolean.class) {
      if (given instanceof Boolean flag) {
        return flag;
      }
      throw new IllegalArgumentException(text);
    }
    if (type == Duration.class) {
      return duration(text);
    }
    throw new IllegalStateException("configuration of type %s is unknown".formatted(type));
  }

  private static Duration duration(String text) {
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(text);
    }
    long amount = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(amount);
      case "s" -> Duration.ofSeconds(amount);
      case "m" -> Duration.ofMinutes(amount);
      case "h" -> Duration.ofHours(amount);
      default -> Duration.ofDays(amount);
    };
  }

  private static String wanted(Class<?> type) {
    if (type == Duration.class) {
      return "a time such as 500ms, 30s, 5m, 2h or 7d";
    }
    if (type == boolean.class) {
      return "true or false";
    }
    return type == int.class || type == long.class ? "a whole number" : "a number";
  }

  private static String unknown(String prefix, String key, List<String> known) {
    return closest(key, known)
        .map(near -> "unknown key '%s%s': did you mean '%s'?".formatted(prefix, key, near))
        .orElseGet(
            () ->
                "unknown key '%s%s': known are %s"
                    .formatted(prefix, key, String.join(", ", known)));
  }

  private static Optional<String> closest(String key, List<String> known) {
    return known.stream()
        .min(Comparator.comparingInt(candidate -> distance(key, candidate)))
        .filter(candidate -> distance(key, candidate) <= Math.max(2, key.length() / 3));
  }

  // Levenshtein.
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }

  private static void print(Record config, String indent, StringBuilder text) {
    for (RecordComponent component : config.getClass().getRecordComponents()) {
      Object value = value(component, config);
      text.append(indent).append(key(component)).append(':');
      if (value instanceof Record section) {
        text.append('\n');
        print(section, indent + "  ", text);
      } else {
        text.append(' ').append(shown(component, value)).append('\n');
      }
    }
  }

  private static String shown(RecordComponent component, @Nullable Object value) {
    String text = value instanceof Duration time ? shown(time) : String.valueOf(value);
    if (text.isEmpty()) {
      return "\"\"";
    }
    return component.isAnnotationPresent(Secret.class) ? "********" : text;
  }

  private static String shown(Duration time) {
    return time.toMillis() % 1000 == 0 ? time.toSeconds() + "s" : time.toMillis() + "ms";
  }

  private static String key(RecordComponent component) {
    return component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
  }

  private static @Nullable Object value(RecordComponent component, Record record) {
    try {
      var accessor = component.getAccessor();
      accessor.setAccessible(true);
      return accessor.invoke(record);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("record component cannot be read", e);
    }
  }

  private static String oneLine(@Nullable String text) {
    return String.valueOf(text).strip().replaceAll("\\s+", " ");
  }
}
