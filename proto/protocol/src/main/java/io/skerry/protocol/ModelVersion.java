package io.skerry.protocol;

/**
 * One version of a model, written {@code name@version}.
 *
 * @param version from 1
 */
public record ModelVersion(ModelName model, long version) {
  /**
   * Checks the range.
   *
   * @throws IllegalArgumentException if the version is below 1
   */
  public ModelVersion {
    if (version < 1) {
      throw new IllegalArgumentException(
          "version of model '%s' is %d: versions start at 1".formatted(model, version));
    }
  }

  /**
   * Reads {@code name@version}.
   *
   * @throws IllegalArgumentException if the text has another form
   */
  public static ModelVersion parse(String text) {
    int at = text.lastIndexOf('@');
    if (at < 1) {
      throw new IllegalArgumentException("model version '%s' is not NAME@VERSION".formatted(text));
    }
    try {
      return new ModelVersion(
          new ModelName(text.substring(0, at)), Long.parseLong(text.substring(at + 1)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "model version '%s' is not NAME@VERSION: the version is no number".formatted(text), e);
    }
  }

  @Override
  public String toString() {
    return model + "@" + version;
  }
}
