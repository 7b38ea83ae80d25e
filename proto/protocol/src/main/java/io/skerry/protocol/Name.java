package io.skerry.protocol;

import java.util.regex.Pattern;

/** The one pattern for names that appear in topics, paths and URLs. */
final class Name {
  private static final Pattern PATTERN = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?");

  private static final Pattern MIXED_CASE =
      Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?");

  private Name() {}

  static String checked(String what, String value) {
    return checked(what, value, PATTERN, "a-z");
  }

  static String checkedMixedCase(String what, String value) {
    return checked(what, value, MIXED_CASE, "A-Z, a-z");
  }

  private static String checked(String what, String value, Pattern pattern, String letters) {
    if (!pattern.matcher(value).matches()) {
      throw new IllegalArgumentException(
          "%s '%s' is not a name: use 1 to 64 of %s, 0-9, '.', '_', '-', with a letter or digit at both ends"
              .formatted(what, shortened(value), letters));
    }
    return value;
  }

  private static String shortened(String value) {
    String printable = value.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= 80 ? printable : printable.substring(0, 80) + "...";
  }
}
