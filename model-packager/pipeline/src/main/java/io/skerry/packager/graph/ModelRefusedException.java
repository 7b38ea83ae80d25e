package io.skerry.packager.graph;

/** A model that cannot be packaged. The message is one line: file or node, cause, remedy. */
public final class ModelRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int MESSAGE_CHARS_MAX = 1000;
  private static final String OF_PART = ": change this part of the model, or export it again";

  public ModelRefusedException(String message) {
    super(oneLine(message));
  }

  public ModelRefusedException(String message, Throwable cause) {
    super(oneLine(message), cause);
  }

  /**
   * A refusal of what does not fit together in the model, which nobody but its maker can mend.
   *
   * @param cause without a remedy, which is added
   */
  public static ModelRefusedException ofPart(String cause) {
    return new ModelRefusedException(cause + OF_PART);
  }

  /** A refusal of what a constant holds, which is no number to compute with. */
  public static ModelRefusedException ofNumber(String constant, float held) {
    return new ModelRefusedException(
        "constant '%s' holds %s: %s"
            .formatted(
                constant,
                held,
                Float.isNaN(held)
                    ? "train or export the model again"
                    : "export the model with a large number instead, -1e9 in a mask"));
  }

  /** Names come from the file: they may hold anything, and be of any length. */
  private static String oneLine(String message) {
    String printable = message.replaceAll("[\\p{Cc}\\p{Cf}]", "?");
    return printable.length() <= MESSAGE_CHARS_MAX
        ? printable
        : printable.substring(0, MESSAGE_CHARS_MAX) + "...";
  }

  /** The same refusal, with the file it happened in before the message. */
  ModelRefusedException in(String file) {
    return new ModelRefusedException(file + ": " + getMessage(), this);
  }
}
