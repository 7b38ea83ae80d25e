package io.skerry.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A version as a user writes it: {@code [model/]MODEL@VERSION}, or with a colon. */
record VersionRef(String model, long version) {
  static VersionRef parse(String text) {
    String plain = text.startsWith("model/") ? text.substring("model/".length()) : text;
    int at = Math.max(plain.lastIndexOf('@'), plain.lastIndexOf(':'));
    try {
      if (at > 0) {
        return new VersionRef(plain.substring(0, at), Long.parseLong(plain.substring(at + 1)));
      }
    } catch (NumberFormatException ignored) {
      // Told below, like a version that is missing.
    }
    throw new IllegalArgumentException("model version '%s' is not NAME@VERSION".formatted(text));
  }

  /** Where the control plane's API has it. */
  String path() {
    return "/v1/models/%s/versions/%d".formatted(DescribeCommand.encoded(model), version);
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
