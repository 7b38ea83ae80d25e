package io.skerry.cli;

import io.skerry.protocol.ModelVersion;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A version as a user writes it: {@code MODEL@VERSION}, or {@code model/MODEL@VERSION}. */
record VersionRef(String model, long version) {
  static VersionRef parse(String text) {
    ModelVersion parsed =
        ModelVersion.parse(text.startsWith("model/") ? text.substring("model/".length()) : text);
    return new VersionRef(parsed.model().value(), parsed.version());
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
