package io.skerry.protocol;

import java.util.regex.Pattern;

/** The one pattern for names that appear in topics, paths and URLs. */
final class Name {
  private static final Pattern PATTERN = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?");

  private Name() {}

  static String checked(String what, String value) {
    if (!PATTERN.matcher(value).matches()) {
      throw new IllegalArgumentException(
          "%s '%s' is not a name: use 1 to 64 of a-z, 0-9, '.', '_', '-', with a letter or digit at both ends"
              .formatted(what, shortened(value)));
    }
    return value;
  }

  private static String shortened(String value) {
    String printable = value.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= 80 ? printable : printable.substring(0, 80) + "...";
  }
}
