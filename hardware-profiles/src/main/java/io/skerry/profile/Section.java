package io.skerry.profile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One map of a profile file. A key that is missing or wrong is noted as a mistake and read as
 * something harmless, so that the mistakes after it are found too.
 */
final class Section {
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?");
  private static final int LIST_MAX = 64;

  private final String file;
  private final String prefix;
  private final Map<?, ?> keys;
  private final List<String> mistakes;
  private final Set<String> known = new LinkedHashSet<>();

  Section(String file, String prefix, Map<?, ?> keys, List<String> mistakes) {
    this.file = file;
    this.prefix = prefix;
    this.keys = keys;
    this.mistakes = mistakes;
  }

  void mistake(String key, String fault) {
    mistakes.add("%s: key '%s%s' %s".formatted(file, prefix, key, fault));
  }

  void refuseUnknownKeys() {
    for (Object key : keys.keySet()) {
      String name = String.valueOf(key);
      if (!known.contains(name)) {
        String nearest =
            nearest(name, known)
                .map(" is unknown, did you mean '%s'?"::formatted)
                .orElse(" is unknown");
        mistakes.add("%s: key '%s%s'%s".formatted(file, prefix, name, nearest));
      }
    }
  }

  private @Nullable Object value(String key) {
    known.add(key);
    return keys.get(key);
  }

  Section section(String key) {
    Object value = value(key);
    if (value instanceof Map<?, ?> map) {
      return new Section(file, prefix + key + ".", map, mistakes);
    }
    mistake(key, value == null ? "is missing" : "is no map");
    // Its own keys are not missing a second time.
    return new Section(file, prefix + key + ".", Map.of(), new ArrayList<>());
  }

  String text(String key) {
    Object value = value(key);
    if (value instanceof String text && !text.isBlank()) {
      return text.strip();
    }
    mistake(key, value == null ? "is missing" : "is no text: " + value);
    return "";
  }

  String name(String key) {
    String text = text(key);
    if (!text.isEmpty() && !NAME.matcher(text).matches()) {
      mistake(key, "'%s' is no name: use 1 to 64 of a-z, 0-9, '.', '_', '-'".formatted(text));
    }
    return text;
  }

  String oneOf(String key, List<String> allowed, String otherwise) {
    Object value = value(key);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof String text && allowed.contains(text)) {
      return text;
    }
    mistake(key, "is '%s', expected one of %s".formatted(value, allowed));
    return otherwise;
  }

  boolean flag(String key) {
    Object value = value(key);
    if (value instanceof Boolean flag) {
      return flag;
    }
    if (value != null) {
      mistake(key, "is '%s', expected true or false".formatted(value));
    }
    return false;
  }

  int integer(String key, int smallest, int largest) {
    Object value = value(key);
    if (value instanceof Integer number && number >= smallest && number <= largest) {
      return number;
    }
    mistake(
        key,
        value == null
            ? "is missing"
            : "is '%s', expected a whole number from %d to %d".formatted(value, smallest, largest));
    return smallest;
  }

  long quantity(String key, Quantity quantity) {
    Object value = value(key);
    if (value == null) {
      mistake(key, "is missing");
      return 1;
    }
    return quantity
        .parse(String.valueOf(value))
        .orElseGet(
            () -> {
              mistake(
                  key, "is '%s', expected for example '%s'".formatted(value, quantity.example()));
              return 1;
            });
  }

  List<String> texts(String key) {
    Object value = value(key);
    if (value == null) {
      return List.of();
    }
    List<String> texts = new ArrayList<>();
    if (value instanceof List<?> list && list.size() <= LIST_MAX) {
      for (Object element : list) {
        texts.add(String.valueOf(element));
      }
    } else {
      mistake(key, "is no list of at most %d entries".formatted(LIST_MAX));
    }
    return texts;
  }

  List<String> eachOf(String key, List<String> allowed) {
    return each(key, text -> Optional.of(text).filter(allowed::contains), allowed.toArray());
  }

  /** The same where none will do. */
  List<String> someOf(String key, List<String> allowed) {
    List<String> texts = texts(key);
    for (String text : texts) {
      if (!allowed.contains(text)) {
        mistake(key, "has '%s', expected some of %s".formatted(text, allowed));
      }
    }
    return texts;
  }

  <T> List<T> each(String key, Function<String, Optional<T>> parser, Object[] allowed) {
    List<T> values = new ArrayList<>();
    for (String text : texts(key)) {
      Optional<T> parsed = parser.apply(text);
      parsed.ifPresent(values::add);
      if (parsed.isEmpty()) {
        mistake(key, "has '%s', expected some of %s".formatted(text, Arrays.toString(allowed)));
      }
    }
    needsSome(key, values);
    return values;
  }

  void needsSome(String key, Collection<?> values) {
    boolean mistakenAlready =
        mistakes.stream()
            .anyMatch(text -> text.startsWith("%s: key '%s%s'".formatted(file, prefix, key)));
    if (values.isEmpty() && !mistakenAlready) {
      mistake(key, "is missing or empty");
    }
  }

  private static Optional<String> nearest(String name, Collection<String> known) {
    String nearest = "";
    int smallest = 4;
    for (String candidate : known) {
      int distance = editDistance(name, candidate);
      if (distance < smallest) {
        smallest = distance;
        nearest = candidate;
      }
    }
    return Optional.of(nearest).filter(found -> !found.isEmpty());
  }

  private static int editDistance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substituted, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
