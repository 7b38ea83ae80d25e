package io.skerry.protocol;

/** The one pattern for names that appear in topics, paths and URLs. */
final class Name {
  private static final int CHARACTERS_MAX = 64;

  private Name() {}

  static String checked(String what, String value) {
    return checked(what, value, false);
  }

  static String checkedMixedCase(String what, String value) {
    return checked(what, value, true);
  }

  private static String checked(String what, String value, boolean mixedCase) {
    if (!isName(value, mixedCase)) {
      throw new IllegalArgumentException(
          "%s '%s' is not a name: use 1 to 64 of %s, 0-9, '.', '_', '-', with a letter or digit at both ends"
              .formatted(what, shortened(value), mixedCase ? "A-Z, a-z" : "a-z"));
    }
    return value;
  }

  // By hand: every prediction names a model, and a regular expression is slow.
  private static boolean isName(String value, boolean mixedCase) {
    int last = value.length() - 1;
    if (last < 0 || last >= CHARACTERS_MAX) {
      return false;
    }
    for (int i = 0; i <= last; i++) {
      char letter = value.charAt(i);
      boolean inside = i > 0 && i < last && (letter == '.' || letter == '_' || letter == '-');
      if (!inside && !isLetterOrDigit(letter, mixedCase)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isLetterOrDigit(char letter, boolean mixedCase) {
    return (letter >= 'a' && letter <= 'z')
        || (letter >= '0' && letter <= '9')
        || (mixedCase && letter >= 'A' && letter <= 'Z');
  }

  private static String shortened(String value) {
    String printable = value.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= 80 ? printable : printable.substring(0, 80) + "...";
  }
}
