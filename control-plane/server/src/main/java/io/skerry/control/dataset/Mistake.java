package io.skerry.control.dataset;

/**
 * One mistake in a dataset file.
 *
 * @param line from 1; 0 when the mistake is about the file as a whole
 * @param column the field's place in its line, from 1; 0 when the mistake is about the line
 */
public record Mistake(long line, int column, String message) {
  /** The mistake with its place in front. */
  @Override
  public String toString() {
    if (line == 0) {
      return message;
    }
    return column == 0
        ? "line %d: %s".formatted(line, message)
        : "line %d, column %d: %s".formatted(line, column, message);
  }
}
