package io.skerry.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A version as a user writes it: {@code MODEL@VERSION}, or {@code model/MODEL@VERSION}. */
record VersionRef(String model, long version) {
  static VersionRef parse(String text) {
    String plain = text.startsWith("model/") ? text.substring("model/".length()) : text;
    int at = plain.lastIndexOf('@');
    try {
      if (at > 0) {
        return new VersionRef(plain.substring(0, at), Long.parseLong(plain.substring(at + 1)));
      }
    } catch (NumberFormatException ignored) {
      // Told below, like a version that is missing.
    }
    throw new IllegalArgumentException("model version '%s' is not NAME@VERSION".formatted(text));
  }

  @Override
  public String toString() {
    return model + "@" + version;
  }

  /** For picocli. */
  static final class Converter implements ITypeConverter<VersionRef> {
    @Override
    public VersionRef convert(String text) {
      try {
        return parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }
}
